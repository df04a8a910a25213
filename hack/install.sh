#!/usr/bin/env bash
# Builds Slipway's images, pushes them to SLIPWAY_REGISTRY and installs them into
# the cluster of KUBECONFIG by digest, with a signing key where there is none;
# with --uninstall it removes the install.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --uninstall ]; then
	kubectl delete --ignore-not-found -k config/default
	exit
fi

overlay=bin/install
mkdir -p "$overlay"
echo "building Slipway's images (about a minute; five the first time)" >&2
# Each line is REGISTRY/slipway/NAME[:TAG]@DIGEST.
images=$(go run ./hack/images slipway)
{
	printf 'resources: [../../config/default]\nimages:\n'
	awk -F@ '{n = split($1, path, "/"); split(path[n], name, ":"); sub(/:[^:\/]*$/, "", $1)
		printf "- {name: slipway.dev/%s, newName: \"%s\", digest: \"%s\"}\n", name[1], $1, $2}' <<<"$images"
} >"$overlay/kustomization.yaml"
# The shipped tasks need the builder, and the StepActions the caches' program.
mkdir -p bin/pipelines
sed 's#config/default#pipelines#; $aconfigurations: [images.yaml]' "$overlay/kustomization.yaml" >bin/pipelines/kustomization.yaml
cp pipelines/images.yaml bin/pipelines/

# The tool that makes the key may have to be built, and the signer waits for the
# key: a deployment that is not ready within ten minutes counts as failed.
cosign=
if ! kubectl -n slipway-system get secret signing-secrets >/dev/null 2>&1; then
	cosign=$(command -v cosign || go run ./hack/cluster tool cosign)
fi
kubectl apply -k "$overlay"
if [ -n "$cosign" ]; then
	# The key pair of a test install; the password is in the Secret, beside the key.
	COSIGN_PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n') "$cosign" generate-key-pair k8s://slipway-system/signing-secrets
	rm -f cosign.pub
fi
for deployment in controller signer gateway; do
	kubectl -n slipway-system rollout status "deployment/$deployment" --timeout 3m
done

# A controller is ready before the API server's way to it is; until then nobody is
# told what is wrong with an object. So ask for what only the controller refuses.
wrong='{apiVersion: tekton.dev/v1, kind: Task, metadata: {name: wrong, namespace: default}, spec: {steps: [{image: i, script: $(params.missing)}]}}'
for _ in {1..120}; do
	answer=$(kubectl create --dry-run=server -f - <<<"$wrong" 2>&1) || true
	[[ $answer != *'no parameter named "missing"'* ]] || exit 0
	sleep 0.5
done
echo "the API server does not ask the controller about new objects, after a minute; it says: $answer" >&2
exit 1
