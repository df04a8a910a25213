#!/usr/bin/env bash
# The whole path of a change, on a real cluster: a Git repository is cloned, tested,
# built into an image, pushed, signed and attested; the result is verified and run;
# and the same pipeline again shows what the layer cache saves.
#
# The base images are made from Debian's packages and the local Go toolchain and
# pushed to SLIPWAY_REGISTRY. Where a public registry is in reach, DEMO_BASE=docker.io
# takes golang and git from there.
set -euo pipefail
cd "$(dirname "$0")/../.."

ns=slipway-demo
started=$SECONDS
bold= dim= reset=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' reset=$'\e[0m'; fi
say() { printf '\n%s== %s%s %s(%ds)%s\n' "$bold" "$*" "$reset" "$dim" $((SECONDS - started)) "$reset"; }
show() {
	printf '%s$ %s%s\n' "$dim" "$*" "$reset"
	"$@"
}
apply() { kubectl apply -n "$ns" "$@" >/dev/null; }

say "Install Slipway"
make -s install
make -s build
export PATH="$PWD/bin:$PATH"
go run ./hack/images base
base=${DEMO_BASE:-$SLIPWAY_REGISTRY}
git_image=$base/alpine/git:latest go_image=$base/library/golang:1.26
kubectl create namespace "$ns" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
apply -k bin/pipelines

apply -f - <<YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: go-cache}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}
YAML

say "Serve a Git repository with a Go service in it"
apply -f - <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: git-server}
spec:
  selector: {matchLabels: {app: git-server}}
  template:
    metadata: {labels: {app: git-server}}
    spec:
      containers:
      - {name: git-server, image: "$SLIPWAY_REGISTRY/git-server", ports: [{containerPort: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: git-server}
spec: {selector: {app: git-server}, ports: [{port: 80, targetPort: 8080}]}
YAML
kubectl -n "$ns" rollout status deployment/git-server --timeout 2m >/dev/null
work=$(mktemp -d)
kubectl -n "$ns" port-forward service/git-server :80 >"$work/port" 2>/dev/null &
forward=$!
trap 'kill "$forward" 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do grep -q . "$work/port" && break || sleep 0.1; done
port=$(sed -n '1s/.*:\([0-9]*\) -> .*/\1/p' "$work/port")
cp -r pipelines/samples/hello-go "$work/hello"
git -C "$work/hello" init -q -b main
git -C "$work/hello" add -A
# The same commit each time, so that the next demo finds this one's layers.
GIT_COMMITTER_DATE='2026-01-01T00:00:00Z' git -C "$work/hello" -c user.name=demo -c user.email=demo@example.com \
	commit -qm 'Say hello' --date 2026-01-01T00:00:00Z
show git -C "$work/hello" push -qf "http://127.0.0.1:$port/git/hello.git" main

image=$SLIPWAY_REGISTRY/demo/hello:latest
run() {
	show slipway -n "$ns" start clone-test-build --showlog \
		-p repo-url=http://git-server.$ns.svc/git/hello.git -p revision=main -p "image=$image" \
		-p "git-image=$git_image" -p "go-image=$go_image" -p "build-args=GO_IMAGE=$go_image" \
		-w name=shared,size=1Gi -w name=go-cache,claimName=go-cache
}

say "Clone, test, build and push; the steps' logs as they come"
before=$SECONDS
run
first=$((SECONDS - before))
show slipway -n "$ns" describe --last

say "Wait for the signature and the provenance"
build=$(kubectl -n "$ns" get taskrun -l tekton.dev/pipelineTask=build --sort-by .metadata.creationTimestamp -o name | tail -n 1)
show kubectl -n "$ns" wait "$build" --for 'jsonpath={.metadata.annotations.chains\.tekton\.dev/signed}=true' --timeout 2m
digest=$(kubectl -n "$ns" get "$build" -o 'jsonpath={.status.results[?(@.name=="IMAGE_DIGEST")].value}')
kubectl -n slipway-system get secret signing-secrets -o 'jsonpath={.data.cosign\.pub}' | base64 -d >"$work/cosign.pub"

say "Verify: with slipway, and with cosign as an outside judge"
show slipway verify "$image@$digest" --key "$work/cosign.pub"
cosign=$(command -v cosign || go run ./hack/cluster tool cosign)
judge() {
	printf '%s$ cosign %s%s\n' "$dim" "$1" "$reset"
	"$cosign" "$@" --key "$work/cosign.pub" --insecure-ignore-tlog --allow-http-registry "$image@$digest" 2>"$work/judged" >/dev/null || {
		cat "$work/judged" >&2
		return 1
	}
	sed -n '/^The following/,$p' "$work/judged"
}
judge verify
judge verify-attestation --type slsaprovenance1

say "Run the image that was built"
kubectl -n "$ns" delete pod hello --ignore-not-found --now >/dev/null
show kubectl -n "$ns" run hello --image "$image@$digest" --port 8080
kubectl -n "$ns" wait pod/hello --for condition=Ready --timeout 1m >/dev/null
show kubectl get --raw "/api/v1/namespaces/$ns/pods/hello:8080/proxy/?name=Ada"

say "The same again: what the layer cache saves"
before=$SECONDS
run
second=$((SECONDS - before))
printf 'first run %ds, second run %ds\n' "$first" "$second"

say "Done"
cat <<TEXT
The image $image@$digest is built, signed and attested.

Look around:
  eval "\$(make -s cluster-env)"; export PATH=$PWD/bin:\$PATH
  slipway list -n $ns
  slipway describe --last -n $ns
  slipway logs --last -n $ns
Write your own: "The first pipeline in five minutes" in README.md. Take it all away: make cluster-down.
TEXT
