#!/usr/bin/env bash
# Fails when generated files are not what the sources make.
set -euo pipefail
cd "$(dirname "$0")/.."
before=$(git status --porcelain -- api config/crd; git diff -- api config/crd | sha256sum)
hack/generate.sh
after=$(git status --porcelain -- api config/crd; git diff -- api config/crd | sha256sum)
if [ "$before" != "$after" ]; then
	git --no-pager diff --stat -- api config/crd >&2
	echo "generated files are out of date: run 'make generate' and commit what it changes" >&2
	exit 1
fi
