#!/usr/bin/env bash
# Runs every fuzz target of the repository, one after the other, each for
# FUZZTIME (2m by default). Inputs that reach new code are made smaller for a second and
# not for the minute that is the default, in which nothing else is tried.
set -euo pipefail
cd "$(dirname "$0")/.."
grep -rlE --include='*_test.go' '^func Fuzz' . | sort | while read -r file; do
	grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | while read -r _ target; do
		echo "== $target in $(dirname "$file")"
		go test "$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-2m}" -fuzzminimizetime 1s -parallel 1
	done
done
