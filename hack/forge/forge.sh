#!/usr/bin/env bash
# A real Gitea in the cluster of KUBECONFIG, for tests and the demo: Pods reach it as
# http://gitea.forge:3000. The Secret admin in its namespace has the name, password
# and token of one who may do all. Its image is built once (8 minutes on two cores)
# and kept in SLIPWAY_REGISTRY.
#
# usage: hack/forge/forge.sh up|down
set -euo pipefail
cd "$(dirname "$0")/../.."

case "${1:-}" in
down)
	kubectl delete namespace forge --ignore-not-found
	exit
	;;
up) ;;
*)
	sed -n 's/^# usage/usage/p' "$0" >&2
	exit 2
	;;
esac

started=$SECONDS
mkdir -p bin
go run ./hack/images gitea >bin/gitea-image &
build=$!
trap 'kill "$build" 2>/dev/null || true' EXIT
for ((i = 1; ; i++)); do
	kill -0 "$build" 2>/dev/null || break
	sleep 1
	((i % 30 != 0)) || echo "building gitea … $((SECONDS - started))s" >&2
done
wait "$build"
trap - EXIT
sum=$(sha256sum hack/forge/gitea.yaml | cut -c1-12) # another configuration is another Pod
sed "s#GITEA_IMAGE#$(<bin/gitea-image)#; s#MANIFEST_SUM#\"$sum\"#" hack/forge/gitea.yaml | kubectl apply -f - >/dev/null
kubectl -n forge rollout status deployment/gitea --timeout 3m

# What Gitea keeps, the token too, is that of one Pod.
pod=$(kubectl -n forge get pod -l app=gitea --field-selector status.phase=Running -o 'jsonpath={.items[0].metadata.uid}')
known=$(kubectl -n forge get secret admin --ignore-not-found -o 'jsonpath={.metadata.annotations.pod}')
if [ "$pod" = "$known" ]; then
	echo "gitea is up as http://gitea.forge:3000" >&2
	exit
fi
gitea() { kubectl -n forge exec deployment/gitea -- gitea --config /data/app.ini "$@"; }
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
# One that was killed may have made the user and no Secret.
gitea admin user create --admin --username root-admin --email root-admin@forge.example --password "$password" --must-change-password=false >/dev/null ||
	gitea admin user change-password --username root-admin --password "$password" --must-change-password=false >/dev/null
token=$(gitea admin user generate-access-token --username root-admin --token-name "all-$RANDOM$RANDOM" --scopes all --raw)
kubectl apply -f - >/dev/null <<YAML
apiVersion: v1
kind: Secret
metadata: {name: admin, namespace: forge, annotations: {pod: "$pod"}}
stringData: {username: root-admin, password: "$password", token: "$token"}
YAML
echo "gitea is up as http://gitea.forge:3000 after $((SECONDS - started))s" >&2
