# FairQueue. `make help` lists what there is; .ci/setup installs what is missing.

SHELL := /bin/sh
export PATH := $(PATH):/usr/local/go/bin
GO ?= go
# Everything that tools write beside the sources.
CACHE := $(CURDIR)/.cache
DATA := $(or $(FAIRQUEUE_DATA_DIR),.data)
# The version in the binary comes from git, where git answers.
VCS := $(shell git rev-parse --verify -q HEAD >/dev/null 2>&1 && echo auto || echo false)
SEED ?= 1
BENCH ?= .
# Where the hot paths are measured.
BENCHED := ./internal/shuffle ./internal/merkle ./internal/queue ./internal/claim ./internal/app ./web/...

.PHONY: run test soak build dist check generate bench reset help tools lint
.DEFAULT_GOAL := help

run: ## the whole product on http://localhost:8080 with a demo, nothing to set up
	@sh .ci/setup run
	@echo "Building FairQueue (the first time takes a few minutes), then starting it …"
	@$(GO) build -buildvcs=$(VCS) -o bin/fairqueue ./cmd/fairqueue
	@exec bin/fairqueue dev

test: ## every test at its everyday size, with the race detector; installs what they need
	@sh .ci/setup test
	@$(GO) build -buildvcs=false -o $(CACHE)/bin/run ./internal/devstack/run
	@. $(CACHE)/test.env; $(GO) vet ./... && $(CACHE)/bin/run $(GO) test -race -timeout 20m ./... \
		&& echo "make test: all passed" || { echo "make test: FAILED"; exit 1; }

soak: ## the same tests at their long sizes: make soak SEED=7
	@sh .ci/setup test
	@$(GO) build -buildvcs=false -o $(CACHE)/bin/run ./internal/devstack/run
	@. $(CACHE)/test.env; FAIRQUEUE_SOAK=1 FAIRQUEUE_SEED=$(SEED) $(CACHE)/bin/run $(GO) test -race -count=1 -timeout 3h ./... \
		&& echo "make soak: all passed with seed $(SEED)" || { echo "make soak: FAILED with seed $(SEED)"; exit 1; }

build: ## bin/fairqueue, one static binary with everything in it
	@sh .ci/setup go
	@CGO_ENABLED=0 $(GO) build -buildvcs=$(VCS) -trimpath -ldflags='-s -w' -o bin/fairqueue ./cmd/fairqueue
	@echo "bin/fairqueue"

dist: build ## the binary and the README in one archive
	@mkdir -p dist
	@tar -czf dist/fairqueue-$$($(GO) env GOOS)-$$($(GO) env GOARCH).tar.gz README.md LICENSE -C bin fairqueue
	@echo dist/fairqueue-$$($(GO) env GOOS)-$$($(GO) env GOARCH).tar.gz

check: lint ## format, vet, lint, layout rules, generated code up to date
	@before=$$(sh .ci/generated); $(MAKE) -s generate || exit 1; after=$$(sh .ci/generated); \
		if [ "$$before" != "$$after" ]; then echo "generated code was out of date; it is not any more: commit it"; exit 1; fi
	@echo "make check: all good"

lint: tools
	@bad=$$(gofmt -l cmd web views static migrations internal); if [ -n "$$bad" ]; then echo "gofmt would change:"; echo "$$bad"; exit 1; fi
	@$(GO) vet ./...
	@$(CACHE)/bin/golangci-lint run ./...
	@$(GO) test ./internal

generate: tools ## rewrite what is made by sqlc, templ and Tailwind
	@$(CACHE)/bin/sqlc generate
	@$(CACHE)/bin/templ generate -path views -log-level error
	@$(MAKE) -s static/node_modules/.package-lock.json
	@cd static && npm run --silent build 2>$(CACHE)/css.log || { cat $(CACHE)/css.log; exit 1; }

# Not `npm ci`: it refuses a lock file in which optional packages of other
# systems are missing, as some registries do not offer them all.
static/node_modules/.package-lock.json: static/package.json static/package-lock.json
	@sh .ci/setup node
	@cd static && npm install --silent --no-save --no-audit --no-fund
	@touch $@

# Pinned in internal/tools/go.mod; built once, and again when that changes.
tools: $(CACHE)/bin/.tools
$(CACHE)/bin/.tools: internal/tools/go.mod internal/tools/go.sum
	@sh .ci/setup go
	@echo "Building sqlc, templ and golangci-lint (the first time takes some minutes) …"
	@mkdir -p $(CACHE)/bin
	@cd internal/tools && GOFLAGS= $(GO) build -buildvcs=false -o $(CACHE)/bin/ tool
	@touch $@

bench: ## each hot path beside the limit measured in the same run
	@sh .ci/setup run
	@$(GO) build -buildvcs=false -o $(CACHE)/bin/run ./internal/devstack/run
	@echo "Measuring with fsync, full_page_writes and synchronous_commit on …"
	@$(CACHE)/bin/run -durable $(GO) test -run '^$$' -bench '$(BENCH)' -benchtime 2s -count=1 -timeout 30m $(BENCHED) | tee $(CACHE)/bench.txt | awk -f .ci/bench.awk

reset: ## stop what runs on the data folder and wipe it
	@sh .ci/setup go
	@$(GO) run -buildvcs=false ./internal/devstack/run -reset '$(DATA)'
	@echo "$(DATA) is gone."

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
