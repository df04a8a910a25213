#!/usr/bin/env bash
# Runs the cases of test/conformance on the cluster, and Tekton's own examples
# with them where they are: in CONFORMANCE_DIR, or beside this checkout. The images
# and remotes of those are made by that folder's env/env.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${CONFORMANCE_DIR:-../shared/conformance}
if [ -d "$dir/cases" ]; then
	export CONFORMANCE_DIR=$(realpath "$dir")
	# This machine, as Pods reach it: the way out towards the registry.
	address=$(ip route get "${SLIPWAY_REGISTRY%%:*}" | sed -n 's/.* src \([0-9.]*\).*/\1/p')
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
	export CONFORMANCE_GIT_HOST=$address:$port
	# Made once for each registry: what it is made from takes minutes.
	export CONF=${CONF:-${XDG_CACHE_HOME:-$HOME/.cache}/slipway/conformance/${SLIPWAY_REGISTRY//[:\/]/-}}
	mkdir -p "$CONF"
	# Of a run before this one that was killed, too; its number may be another's by now.
	stop_server() {
		pid=$(cat "$CONF/gitd.pid" 2>/dev/null || true)
		[ -z "$pid" ] || [ "$(ps -o comm= -p "$pid")" != gitd ] || kill "$pid"
		rm -f "$CONF/gitd.pid"
	}
	trap stop_server EXIT
	stop_server
	bash "$CONFORMANCE_DIR/env/env.sh" "$SLIPWAY_REGISTRY" "$CONFORMANCE_GIT_HOST" "0.0.0.0:$port"
elif [ -n "${CONFORMANCE_DIR:-}" ]; then
	echo "no cases in $dir: set CONFORMANCE_DIR to a folder with cases/, expected/ and env/env.sh" >&2
	exit 2
else
	echo "Tekton's own examples are not in $dir: running the cases of test/conformance alone" >&2
fi
# From its own folder, go test shows the table also when all passes.
go test -C test/conformance -tags conformance -count=1 -timeout 40m -parallel 8
