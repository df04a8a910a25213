#!/usr/bin/env bash
# The whole proof, in the order that finds the cheap mistakes first. A cluster
# that was not there before is gone afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."

stage() { printf '\n== %s (at %dm%02ds)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

stage "lint"
make lint
stage "unit, golden and architecture tests"
make unit
if [ -z "${KUBECONFIG:-}${CONTEXT:-}" ]; then
	stage "cluster"
	go run ./hack/cluster status >/dev/null 2>&1 || trap 'go run ./hack/cluster down' EXIT
	go run ./hack/cluster up
	eval "$(go run ./hack/cluster env)"
fi
stage "install"
make install
stage "end to end"
make e2e
stage "conformance"
make conformance
stage "all passed"
