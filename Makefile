SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The cluster is the one that KUBECONFIG or CONTEXT names; else our own is brought up.
CLUSTER := go run ./hack/cluster
TOOLS   := -modfile=hack/tools/go.mod
LDFLAGS := -s -w

# All is built in one way, so that tests, images and tools share what is compiled.
export CGO_ENABLED := 0
export GOFLAGS     ?= -trimpath
# The compiler collects its garbage less often: a fifth off a build, for some more memory.
FAST := GOGC=400

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ the two commands of the README

.PHONY: demo
demo: ## From git push at a real Gitea to a signed, running image, on a real cluster
	@hack/with-cluster.sh hack/demo/demo.sh

.PHONY: test
test: ## Everything: lint, walls, unit, golden, and end to end on a real cluster
	@hack/test.sh

##@ parts of the test

.PHONY: lint
lint: ## Lint, and check that generated files are up to date
	@$(FAST) go tool $(TOOLS) golangci-lint run ./...
	@hack/verify-generated.sh

.PHONY: unit
unit: ## Unit, golden and architecture tests
	@$(FAST) go test ./...

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME each (2m by default)
	@hack/fuzz.sh

.PHONY: e2e
e2e: forge-up ## End-to-end tests on the cluster, which must be up and installed, and a Gitea in it
	@hack/with-cluster.sh go test -tags e2e,forge -count=1 -timeout 30m -parallel 8 -skip '^TestWide' ./test/e2e/... ./test/scripts/...
	@hack/with-cluster.sh go test -tags e2e,forge -count=1 -timeout 30m -run '^TestWide' ./test/e2e

.PHONY: e2e-forge
e2e-forge: forge-up ## Those of them that are about repositories; RUN='Flood|LostAndDoubled' FLOOD=1000 PUSHES=100 is two at full size
	@E2E_FLOOD=$(FLOOD) E2E_PUSHES=$(PUSHES) hack/with-cluster.sh go test -tags e2e,forge -count=1 -timeout 30m -parallel 4 -v \
		-run '$(or $(RUN),Forge|Fork|Push|Pull|Repo|Webhook|Gateway|Comment|Problem|Schedule|Trigger|Incoming)' ./test/e2e

.PHONY: conformance
conformance: ## Run what Tekton runs, and compare (CONFORMANCE_DIR holds the cases; EXECUTION=pod shares Pods)
	@hack/with-cluster.sh hack/conformance.sh

.PHONY: bench
bench: build ## Measure beside bare Pods: times, requests, CPU, log lag (BENCH="-cases 'steps'" for a part)
	@hack/with-cluster.sh go run ./test/bench -cli bin/slipway $(BENCH)

.PHONY: bench-scale
bench-scale: ## Measure 100 to 10,000 runs at once on fake nodes: memory, latency, requests (BENCH="-sizes 100 -cases 'TaskRuns'" for a part)
	@hack/with-cluster.sh bash -c 'go run ./test/bench/scale -kwok "$$(go run ./hack/cluster tool kwok)" "$$@"' scale $(BENCH)

##@ code

.PHONY: build
build: ## Build the CLI into bin/
	@CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/slipway ./cmd/slipway

.PHONY: generate
generate: ## Regenerate deep copies and CRDs from api/
	@hack/generate.sh

.PHONY: tidy
tidy: ## Tidy every go.mod
	@go mod tidy && cd hack/tools && go mod tidy

##@ cluster

.PHONY: cluster-up
cluster-up: ## Start a real one-node Kubernetes on this machine (needs root and Debian 12)
	@$(CLUSTER) up

.PHONY: cluster-down
cluster-down: ## Stop it and leave nothing behind
	@$(CLUSTER) down

.PHONY: cluster-env
cluster-env: ## Print the exports that point a shell at it: eval "$(make -s cluster-env)"
	@$(CLUSTER) env

.PHONY: install
install: ## Build and push Slipway's images, and install it into the cluster
	@hack/with-cluster.sh hack/install.sh

.PHONY: uninstall
uninstall: ## Remove Slipway from the cluster
	@hack/with-cluster.sh hack/install.sh --uninstall

.PHONY: forge-up
forge-up: ## Start a real Gitea in the cluster, for tests (8 minutes the first time)
	@hack/with-cluster.sh hack/forge/forge.sh up

.PHONY: forge-down
forge-down: ## Remove it
	@hack/with-cluster.sh hack/forge/forge.sh down
