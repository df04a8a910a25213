#!/usr/bin/env bash
# Makes what is generated from api/: deep copies and CRDs.
set -euo pipefail
cd "$(dirname "$0")/.."
go tool -modfile=hack/tools/go.mod controller-gen object paths=./api/...
rm -f config/crd/*_*.yaml
go tool -modfile=hack/tools/go.mod controller-gen crd:maxDescLen=500 paths=./api/tekton/... paths=./api/triggers/... paths=./api/slipway/... output:crd:dir=config/crd
go run ./hack/crd config/crd
