#!/usr/bin/env bash
# The whole path of a change, on a real cluster with a real forge: a commit is pushed
# to a Gitea, whose webhook starts the pipeline in the commit; that clones, tests,
# builds and pushes an image, which is signed; Gitea shows the outcome, and the image is
# verified and run. Then a pull request breaks a test.
#
# The base images are made from Debian's packages and the local Go toolchain and
# pushed to SLIPWAY_REGISTRY. Where a public registry is in reach, DEMO_BASE=docker.io
# takes golang and git from there.
set -euo pipefail
cd "$(dirname "$0")/../.."

ns=slipway-demo
inside=http://gitea.forge:3000/demo/hello
started=$SECONDS
work=$(mktemp -d)
forward=
trap '[ -z "$forward" ] || kill "$forward" 2>/dev/null || true; rm -rf "$work"' EXIT
bold= dim= reset=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' reset=$'\e[0m'; fi
say() { printf '\n%s== %s%s %s(%ds)%s\n' "$bold" "$*" "$reset" "$dim" $((SECONDS - started)) "$reset"; }
show() {
	printf '%s$ %s%s\n' "$dim" "$*" "$reset"
	"$@"
}
quietly() { "$@" >"$work/out" || {
	cat "$work/out" >&2
	return 1
}; }
# within COMMAND… shows and runs it in the demo's own folder, for short paths.
within() { (cd "$work" && show "$@"); }

# until_true SECONDS COMMAND… repeats a command until it succeeds, and gives up the demo
# after the time.
until_true() {
	local until=$((SECONDS + $1))
	shift
	until "$@"; do
		if ((SECONDS >= until)); then
			slipway -n "$ns" events hello >&2 || true
			echo "demo: this did not come about: $*" >&2
			exit 1
		fi
		sleep 0.2
	done
}

# gitea METHOD PATH [JSON] asks the API as the administrator.
gitea() { curl -fsS -X "$1" -H @"$work/auth" -H 'Content-Type: application/json' ${3:+--data "$3"} "$forge/api/v1$2"; }

# push MESSAGE BRANCH commits what is in the folder and pushes it; $commit is what it made.
push() {
	git -C "$work/hello" add -A
	git -C "$work/hello" -c user.name=demo -c user.email=demo@example.com commit -qm "$1"
	commit=$(git -C "$work/hello" rev-parse HEAD)
	printf '%s$ git push origin %s%s\n' "$dim" "$2" "$reset"
	git -C "$work/hello" push -q origin "HEAD:$2" >"$work/out" 2>&1 || {
		cat "$work/out" >&2
		return 1
	}
}

# follow shows the logs of the run of $commit, which becomes $run, until it ends; it
# returns how that ended.
follow() {
	until_true 60 has_run
	show slipway -n "$ns" logs -f "$run"
}
has_run() {
	run=$(kubectl -n "$ns" get pipelinerun -l "slipway.dev/commit=$commit" -o 'jsonpath={.items[*].metadata.name}')
	[ -n "$run" ]
}

# wait_status STATE waits until Gitea shows $commit in that state, and says what it shows.
wait_status() {
	until_true 60 has_status "$1"
	printf '%s$ curl %s%s\n' "$dim" "http://gitea.forge:3000/api/v1/repos/demo/hello/commits/${commit:0:10}/status" "$reset"
	gitea GET "/repos/demo/hello/commits/$commit/status" | jq -r '.statuses[] | "\(.status): \(.context) \(.description)"'
}
has_status() { [ "$(gitea GET "/repos/demo/hello/commits/$commit/status" | jq -r .state)" = "$1" ]; }

for tool in curl git jq; do
	command -v "$tool" >/dev/null || {
		echo "demo: $tool is missing: install it, as by apt-get install $tool" >&2
		exit 2
	}
done

say "Install Slipway, and a Gitea beside it"
quietly make -s install
make -s build
export PATH="$PWD/bin:$PATH"
quietly hack/forge/forge.sh up
go run ./hack/images base
kubectl create namespace "$ns" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
quietly kubectl apply -n "$ns" -k bin/pipelines
kubectl apply -n "$ns" -f - >/dev/null <<YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: go-cache}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}
YAML

say "Create a repository at Gitea, and connect it"
kubectl -n forge port-forward service/gitea :3000 >"$work/port" 2>/dev/null &
forward=$!
until_true 20 grep -q . "$work/port"
forge=http://127.0.0.1:$(sed -n '1s/.*:\([0-9]*\) -> .*/\1/p' "$work/port")
secret() { kubectl -n forge get secret admin -o "jsonpath={.data.$1}" | base64 -d; }
secret token >"$work/token"
echo "Authorization: token $(<"$work/token")" >"$work/auth"
gitea GET /orgs/demo >"$work/out" 2>&1 || quietly gitea POST /orgs '{"username": "demo"}'
# That of an earlier demo goes.
! gitea GET /repos/demo/hello >"$work/out" 2>&1 || gitea DELETE /repos/demo/hello
quietly gitea POST /orgs/demo/repos '{"name": "hello", "default_branch": "main"}'
within slipway -n "$ns" repo create hello --url "$inside" --provider gitea --token-file token \
	--local-api "$forge/api/v1" --gateway http://gateway.slipway-system

say "Push a commit with a service and its pipelines"
cp -r pipelines/samples/hello-go "$work/hello"
image=$SLIPWAY_REGISTRY/demo/hello:latest
base=${DEMO_BASE:-$SLIPWAY_REGISTRY}
sed -i "s#registry.example.com/team/hello:latest#$image#; s#docker.io/#$base/#" "$work"/hello/.tekton/*.yaml
git -C "$work/hello" init -q -b main
git -C "$work/hello" remote add origin "$forge/demo/hello.git"
git -C "$work/hello" config http.extraHeader "Authorization: Basic $(printf %s "$(secret username):$(<"$work/token")" | base64 -w0)"
push 'Say hello' main

say "Its webhook started the run; the steps' logs as they come"
follow

say "Gitea shows the outcome on the commit"
wait_status success

say "Wait for the signature and the provenance; verify with slipway, and with cosign as an outside judge"
build=$(kubectl -n "$ns" get taskrun -l "tekton.dev/pipelineRun=$run,tekton.dev/pipelineTask=build" -o name)
show kubectl -n "$ns" wait "$build" --for 'jsonpath={.metadata.annotations.chains\.tekton\.dev/signed}=true' --timeout 2m
digest=$(kubectl -n "$ns" get "$build" -o 'jsonpath={.status.results[?(@.name=="IMAGE_DIGEST")].value}')
kubectl -n slipway-system get secret signing-secrets -o 'jsonpath={.data.cosign\.pub}' | base64 -d >"$work/cosign.pub"
within slipway verify "$image@$digest" --key cosign.pub
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

say "A pull request that breaks a test"
sed -i 's/"Hello, /"Hullo, /' "$work/hello/handler.go"
push 'Say hullo' hullo
quietly gitea POST /repos/demo/hello/pulls '{"head": "hullo", "base": "main", "title": "Say hullo"}'
number=$(jq .number "$work/out")
ended=0
follow || ended=$?
if [ "$ended" != 1 ]; then
	echo "demo: the run of the pull request ended with $ended, and should have failed" >&2
	exit 1
fi
wait_status failure
comments() { gitea GET "/repos/demo/hello/issues/$number/comments" | jq -r '.[].body' >"$work/comments" && [ -s "$work/comments" ]; }
until_true 60 comments
printf '%s$ curl %s%s\n' "$dim" "http://gitea.forge:3000/api/v1/repos/demo/hello/issues/$number/comments" "$reset"
grep -v '^<!--' "$work/comments"

say "Done"
cat <<TEXT
The image $image@$digest is built, signed and attested.

Look around:
  eval "\$(make -s cluster-env)"; export PATH=$PWD/bin:\$PATH
  slipway -n $ns list
  slipway -n $ns events hello
  slipway -n $ns repo describe hello
Write your own: "The first pipeline in five minutes" in README.md. Take it all away: make cluster-down.
TEXT
