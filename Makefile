# Hubbub's workshop. `make help` lists what there is.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS   += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := build

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# Git's view of the folder is not asked for at each build: VERSION has it already, and
# a checkout that belongs to another user would make go refuse.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)

FUZZTIME ?= 30s
BENCH    ?=
ARGS     ?=

GO_TOOL := go tool -modfile=.tools/go.mod
GO_CODE := cmd hub room transport web/embed.go
NPM     := npm --prefix web

# What the page is built from. The list is a file that changes only when a name comes
# or goes, so that a deleted source is noticed as well as a changed one.
WEB_FILES := bin/web-files
WEB_FIND  := find web/app web/examples web/sdk web/package.json web/tsconfig.base.json \
	\( -name node_modules -o -name dist -o -name test -o -name test-results -o -name '*.timestamp-*' \) -prune -o -type f -print | LC_ALL=C sort
WEB_SRC   := $(shell $(WEB_FIND))

NODE_MODULES := web/node_modules/.package-lock.json
PAGE         := web/app/dist/index.html
EXAMPLES     := web/examples/dist/index.html

.PHONY: help
help: ## List what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build and start the hub on this machine; ARGS="--addr … " for settings
	exec bin/hubbub serve $(ARGS)

.PHONY: build
build: $(PAGE) $(EXAMPLES) ## Build bin/hubbub, one static program with the web pages inside
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/hubbub ./cmd/hubbub

.PHONY: test
test: lint web-test web-slow e2e go-test ## Run every test there is, and install what they need

.PHONY: check
check: check-lint go-check web-check ## Run what is worth running while working: no race detector, no browser, no stock Yjs clients

.PHONY: lint
lint: go-lint web-lint ## Look for mistakes and for what is not formatted, in Go and web

.PHONY: lint-deploy
lint-deploy: build ## Check deploy/ by the linters of its kinds, and its names against the program
	HUBBUB_BIN=$(CURDIR)/bin/hubbub .ci/deploy

.PHONY: fmt
fmt: $(NODE_MODULES) ## Format the sources
	$(GO_TOOL) gofumpt -w $(GO_CODE)
	$(NPM) run format

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s); FUZZ=name for one
	.ci/fuzz '$(FUZZTIME)' '$(FUZZ)'

.PHONY: bench
bench: $(PAGE) ## Compare benchmarks with the baseline: allocations and ratios; BENCH=pattern runs others
ifeq ($(BENCH),)
	$(bench-guarded)
	go run ./cmd/hubbub/internal/benchguard $(BENCH_BASELINE) bin/bench.log
else
	go test -run '^$$' -bench '$(BENCH)' -benchmem ./...
endif

.PHONY: bench-update
bench-update: $(PAGE)
	$(bench-guarded)
	go run ./cmd/hubbub/internal/benchguard -update $(BENCH_BASELINE) bin/bench.log

# What is compared: codec, round, queue, writes to sockets, the log's writer. Three
# runs of each, so that what only one of them allocated does not count.
BENCH_BASELINE := .ci/bench-baseline.json
define bench-guarded
	@mkdir -p bin
	go test -run '^$$' -bench '^Benchmark(AppendEvent|DecodePublish|DecodeEventPush|Round|Queue|Send|Writer)$$' -benchmem \
		-benchtime 200ms -count 3 -timeout 10m ./transport/wire ./hub ./transport ./hub/bridge | tee bin/bench.log
endef

# Each fault strikes a cluster of three hubs and three NATS servers; deploy/FAULTS.md says
# what was seen. As root, since they stand in network namespaces. ARGS="--fault kill-hub"
# takes one of them.
FAULTS := go run ./cmd/hubbub/internal/faults -results bin/faults.jsonl
.PHONY: faults
faults: build ## Break a cluster in every way there is, each 20 times; ARGS="--fault …" for one: hours
	$(FAULTS) -hubbub bin/hubbub -red -clients 60 -speakers 20 -times 2
	$(FAULTS) -hubbub bin/hubbub -clients 2000 -rooms 40 -speakers 100 -times 20 $(ARGS)

.PHONY: faults-quick
faults-quick: build ## The same in short: at most 10 minutes
	$(FAULTS) -hubbub bin/hubbub -short -budget 8m -clients 60 -rooms 10 -speakers 20 -rate 40 -times 1 $(ARGS)

.PHONY: clean
clean: ## Remove what was built and installed here
	rm -rf bin web/node_modules web/*/node_modules web/*/dist/* web/*/test-results web/*/playwright-report

# ---- the parts of test and check ----

.PHONY: go-lint
go-lint:
	@unformatted=$$($(GO_TOOL) gofumpt -l $(GO_CODE)); \
	if [ -n "$$unformatted" ]; then echo "not formatted (make fmt): "$$unformatted >&2; exit 1; fi
	go mod tidy -diff
	go vet ./...
	$(GO_TOOL) staticcheck -checks all ./...

.PHONY: web-lint
web-lint: $(NODE_MODULES)
	$(NPM) run check

# Both at once: one waits for the disk while the other computes.
.PHONY: check-lint
check-lint: $(NODE_MODULES)
	printf '%s\n' go-lint web-lint | xargs -n 1 -P 2 $(MAKE)

# The SDK's tests and those in the browser talk to the program itself; without
# HUBBUB_BIN they would build another.
.PHONY: web-test
web-test: build
	HUBBUB_BIN=$(CURDIR)/bin/hubbub $(NPM) test

.PHONY: web-check
web-check: build
	HUBBUB_BIN=$(CURDIR)/bin/hubbub $(NPM) test --workspace=sdk --workspace=app

# What waits for clocks and full disks: a few minutes.
.PHONY: web-slow
web-slow: build
	go build -o bin/nats-server github.com/nats-io/nats-server/v2
	HUBBUB_BIN=$(CURDIR)/bin/hubbub NATS_SERVER_BIN=$(CURDIR)/bin/nats-server $(NPM) run slow --workspace=interop

.PHONY: e2e
e2e: build
	browser=$$(.ci/chromium); CHROMIUM=$$browser HUBBUB_BIN=$(CURDIR)/bin/hubbub $(NPM) run e2e

# More packages at a time than there are cores: much of their time is waiting.
.PHONY: go-check
go-check: $(PAGE)
	go test -short -p $$(( $$(nproc) * 2 )) ./...

# Nothing from the cache: some tests start programs, which the cache does not see. The
# output ends with go test's own lines about the packages, or with what failed.
.PHONY: go-test
go-test: $(PAGE)
	@mkdir -p bin
	go test -race -count=1 -timeout 30m ./... 2>&1 | grep -v --line-buffered '\[no test files\]' | tee bin/go-test.log || { \
		echo; echo "What failed (the whole output is in bin/go-test.log):"; \
		grep -E '^ *--- FAIL|^FAIL|^panic:|^fatal error:|WARNING: DATA RACE' bin/go-test.log; exit 1; }

# ---- what is made of what ----

$(NODE_MODULES): web/package-lock.json web/package.json $(wildcard web/*/package.json) web/.npmrc
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 20 || (a === 20 && b < 19)) { console.error("Node 20.19 or newer is needed to build the web page; this is " + process.version); process.exit(1) }'
	$(NPM) ci --no-progress
	@touch $@

$(PAGE) $(EXAMPLES) &: $(NODE_MODULES) $(WEB_SRC) $(WEB_FILES)
	$(NPM) run build
	@touch $(PAGE) $(EXAMPLES)

.PHONY: FORCE
$(WEB_FILES): FORCE
	@mkdir -p bin; $(WEB_FIND) > $@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi
