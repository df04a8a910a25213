#!/usr/bin/env bash
# Runs Tekton's own examples, in CONFORMANCE_DIR, on the cluster and compares what
# they end in. Their images and remotes are made by that folder's env/env.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${CONFORMANCE_DIR:-../shared/conformance}
if [ ! -d "$dir/cases" ]; then
	echo "no cases in $dir: set CONFORMANCE_DIR to a folder with cases/, expected/ and env/env.sh" >&2
	exit 2
fi
export CONFORMANCE_DIR=$(realpath "$dir")
# This machine, as Pods reach it: the way out towards the registry.
address=$(ip route get "${SLIPWAY_REGISTRY%%:*}" | sed -n 's/.* src \([0-9.]*\).*/\1/p')
export CONFORMANCE_GIT_HOST=$address:8418 CONF=${CONF:-${TMPDIR:-/tmp}/conf}
trap 'kill "$(cat "$CONF/gitd.pid")" 2>/dev/null || true' EXIT
bash "$CONFORMANCE_DIR/env/env.sh" "$SLIPWAY_REGISTRY" "$CONFORMANCE_GIT_HOST" 0.0.0.0:8418
go test -tags conformance -count=1 -timeout 30m -parallel 8 ./test/conformance
