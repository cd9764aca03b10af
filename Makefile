# Everything runs from a fresh clone with Go; the checks install what they need
# besides with scripts/deps.sh. Tools are pinned in tools/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
FUZZTIME ?= 20s
TEST_TIMEOUT ?= 45m

# In CI up to eight tests that fail run once more, but not beside a data race: a slow
# machine makes several tests of time-outs fail at once. Each must pass when it runs again.
# The report names them: each is a fault to mend.
RERUN = $(if $(CI),--rerun-fails=1 --rerun-fails-max-failures=8 --rerun-fails-run-root-test --rerun-fails-abort-on-data-race --rerun-fails-report=.cache/reruns)

.PHONY: help build dist console demo test test-unit test-full lint generate bench bench-large bench-growth bench-fleet fuzz clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/syncline
	CGO_ENABLED=0 go build -trimpath -ldflags "-X main.version=$$(scripts/version.sh)" -o bin/syncline ./cmd/syncline

dist: ## build a release into dist/: programs, packages, container files, chart, sums
	scripts/dist.sh

console: ## build the web console's files anew, which are committed; needs Node
	cd internal/console/web && npm ci --no-fund --no-audit && npm run build

demo: build ## run a server with a demonstration repository; needs only Go
	bin/syncline demo

# test-unit, test-full and lint may run side by side, and each alone.
test: test-full ## run all tests; those of test-unit are among them

test-unit: ## run the quick tests; they need Go and a C compiler
	@scripts/deps.sh unit
	scripts/tool.sh gotestsum --format pkgname -- -short -race -timeout $(TEST_TIMEOUT) ./...

test-full: ## run all tests, with storage servers, a browser and restic
	@scripts/deps.sh full
	@rm -f .cache/reruns
	scripts/tool.sh gotestsum --format pkgname $(RERUN) --packages ./... -- -race -timeout $(TEST_TIMEOUT)
	@if [ -s .cache/reruns ]; then echo "These tests failed and passed the second time:" && cat .cache/reruns; fi

lint: ## linters, words, file sizes, generated code up to date
	scripts/lint-size.sh
	scripts/lint-words.sh
	scripts/lint-generated.sh
	scripts/lint-console.sh
	scripts/tool.sh golangci-lint run --allow-parallel-runners ./...

generate: ## write generated code anew
	go generate ./...

bench: ## measure against the present release, restic, kopia and the floor; QUICK=1 takes 3 minutes
	bench/bench.sh

bench-large: ## the same with 4 million files and 30 snapshots; takes 15 GB of disk
	LARGE=1 bench/bench.sh

bench-growth: ## measure how the costs follow the size of a repository
	bench/growth.sh

bench-fleet: ## simulate ten nodes with a thousand repositories on one PostgreSQL
	go test -run '^$$' -bench 'Fleet|Throughput' -benchtime 1x -timeout 1h ./bench/fleet

fuzz: ## fuzz every target for FUZZTIME (20s)
	scripts/fuzz.sh $(FUZZTIME)

clean: ## remove what was built, caches included
	rm -rf bin dist .cache bench/.cache
