#!/usr/bin/env bash
# Runs a command with KUBECONFIG and SLIPWAY_REGISTRY pointing at a cluster: the
# one that KUBECONFIG or CONTEXT names, else our own, which is brought up.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -n "${CONTEXT:-}" ]; then
	kubeconfig=$(mktemp)
	trap 'rm -f "$kubeconfig"' EXIT
	kubectl config view --minify --flatten --context "$CONTEXT" >"$kubeconfig"
	export KUBECONFIG=$kubeconfig
elif [ -z "${KUBECONFIG:-}" ]; then
	go run ./hack/cluster up
	eval "$(go run ./hack/cluster env)"
fi
if [ -z "${SLIPWAY_REGISTRY:-}" ]; then
	echo "SLIPWAY_REGISTRY is not set: name a registry that you may push to and that the cluster's nodes and pods reach, such as SLIPWAY_REGISTRY=registry.example.com/team" >&2
	exit 2
fi
"$@"
