# Runnel's make targets: `make` alone explains them. CI calls only these.
#
# * Every target installs what it needs into .venv, once: with uv when it is there, else with venv and pip.
# * A target says what it skips and why; with CI=true it fails instead.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
# What `make crawl` makes lies here; git ignores it.
OUTPUT ?= crawl-output
# Of the deployed functions: arm64 or x86_64, whatever the machine is that builds them.
ARCHITECTURE ?= arm64

export SAM_CLI_TELEMETRY := 0
# A missing optional program skips on a laptop and fails in CI.
REQUIRED = if [ "$${CI:-}" = "true" ]; then echo "$(1) is required in CI" >&2; exit 1; else echo "skipped: $(1) is not installed"; fi

PACKAGE := layers/runnel/runnel
PYTEST := $(BIN)/python -m pytest
# Tests that share a costly fixture name a group, which one worker runs.
PARALLEL := -n $(WORKERS) --dist loadgroup
# The folders that are held to full coverage.
PURE := domain extraction fetching ports robots search streaming usecases
# The layer's pins. boto3 is left out: Lambda's runtime has it, and it would be half of the layer.
EXPORT := uv export --quiet --frozen --no-dev --extra aws --prune boto3 --no-emit-project --no-annotate --no-header
# Tools that ours is measured beside; they are brought for that run alone.
PEERS := --with trafilatura==2.0.0 --with html-to-markdown==3.21.0 --with markdownify==1.2.3
# The test files that use a module of tests/support.
tests_using = $$(grep -rl --include='test_*.py' --exclude-dir=.cache 'tests.support.$(1)' tests)
comma := ,
empty :=
space := $(empty) $(empty)
PURE_FILES := $(subst $(space),$(comma),$(foreach folder,$(PURE),*/runnel/$(folder)/*) */runnel/errors.py)

# --- what the targets stand on --------------------------------------------------------------------------------------

# To run: the base packages, the `local` extra, and what serves the sample site. To develop: every extra and the dev group, pinned by uv.lock both.
RUN := $(VENV)/.ready-to-run
DEV := $(VENV)/.ready-to-develop

$(RUN): pyproject.toml uv.lock tools/install.sh tools/lock_constraints.py
	@sh tools/install.sh $(VENV) run
	@touch $@

$(DEV): pyproject.toml uv.lock tools/install.sh tools/lock_constraints.py
	@sh tools/install.sh $(VENV) develop
	@touch $(RUN) $@

# --- everyday -------------------------------------------------------------------------------------------------------

.PHONY: help
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^## / { printf "\n%s\n", substr($$0, 4) } \
	  /^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## Use it

.PHONY: crawl
crawl: $(RUN) ## Crawl the sample site, or URL=https://… (more: ARGS='--limit 50')
ifdef URL
	@$(BIN)/runnel crawl "$(URL)" $(ARGS)
else
	@$(BIN)/python -m tools.crawl_sample "$(OUTPUT)" $(ARGS)
endif

.PHONY: serve
serve: $(RUN) ## Start the local server (ARGS='--port 8080')
	@$(BIN)/runnel serve $(ARGS)

## Work on it

.PHONY: dev
dev: $(DEV) ## Install everything, and the pre-commit hooks
	@$(BIN)/pre-commit install
	@echo "Ready. Before a commit: make check test"

.PHONY: fmt
fmt: $(DEV) ## Format, and fix what can be fixed
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: check
check: lint types docs validate ## Everything but the tests; then run `make test`

.PHONY: test
test: $(DEV) ## The tests (ARGS='-k lease')
	$(PYTEST) $(PARALLEL) $(ARGS)

.PHONY: lint
lint: $(DEV) ## Style, formatting, imports, dependencies, dead code, spelling, lock file, template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/deptry layers/runnel/runnel functions
	$(BIN)/vulture
	$(BIN)/codespell
	$(BIN)/python -m tools.check_files
	@if command -v uv >/dev/null; then $(MAKE) --no-print-directory lock-check; else $(call REQUIRED,uv); fi
	@if [ -f template.yaml ]; then $(BIN)/cfn-lint template.yaml && echo "cfn-lint passed"; fi

.PHONY: lock-check
lock-check:
	uv lock --check --quiet
	@$(EXPORT) | cmp - layers/runnel/requirements.txt || { echo "the layer's pins are not those of uv.lock: make lock" >&2; exit 1; }

.PHONY: types
types: $(DEV) ## mypy, strict, over the package, the functions, the tests and the tools
	$(BIN)/mypy

.PHONY: cov
cov: $(DEV) ## The tests with the coverage floors: 100 % of the pure folders, 90 % of all
	@rm -f .coverage .coverage.*
	$(PYTEST) $(PARALLEL) --cov --cov-report= --cov-fail-under=0 $(ARGS)
	$(BIN)/coverage report
	$(BIN)/coverage report --fail-under=100 --include="$(PURE_FILES)"

.PHONY: integration
integration: $(DEV) ## Only the tests of single adapters
	$(PYTEST) $(PARALLEL) tests/integration $(ARGS)

.PHONY: e2e
e2e: $(DEV) ## Only the whole crawls: command line, server, built functions
	$(PYTEST) $(PARALLEL) tests/e2e $(ARGS)

.PHONY: conformance
conformance: $(DEV) ## The tables of standards bodies and other projects: counts, then their tests
	@$(BIN)/python -m tests.support.conformance_tables
	$(PYTEST) $(PARALLEL) $(call tests_using,conformance) $(ARGS)

.PHONY: soak
soak: $(DEV) ## Long fault matrices and long property runs, by hand
	$(PYTEST) -m "not aws and not bench" --hypothesis-profile=soak --timeout=3600 $(ARGS)

.PHONY: bench
bench: $(DEV) ## Speed and memory beside Scrapy and a bare loop, as ratios
	$(BIN)/python -m tests.bench.run $(ARGS)

.PHONY: quality
quality: $(DEV) ## Markdown quality on documentation from Debian packages (ARGS='--only postgresql-doc-15')
	$(BIN)/python -m tests.quality.run $(ARGS)

.PHONY: quality-peers
quality-peers: $(DEV) ## The same pages through three other tools, beside ours (needs uv)
	@if command -v uv >/dev/null; then \
	  uv run --quiet --no-project --python $(BIN)/python $(PEERS) python -m tests.quality.peers $(ARGS); \
	else $(call REQUIRED,uv); fi

.PHONY: docs
docs: $(DEV) ## Generate what is generated in docs/; fails if the files there differed
	@$(BIN)/python -m tools.make_docs

.PHONY: lock
lock: $(DEV) ## Resolve the dependencies anew (UPGRADE=1: newest), export the layer's pins
	uv lock $(if $(UPGRADE),--upgrade)
	$(EXPORT) >layers/runnel/requirements.txt

## Deploy it

.PHONY: build
build: $(DEV) ## Build the layer and the functions into .aws-sam/build
	$(BIN)/python tools/build_artefacts.py $(ARGS)

.PHONY: artefact
artefact: build ## Build, then run the tests of what was built
	$(PYTEST) $(call tests_using,artefacts) $(ARGS)

.PHONY: validate
validate: $(DEV) ## sam validate --lint
	@if [ ! -f template.yaml ]; then echo "skipped: there is no template.yaml yet"; \
	elif command -v sam >/dev/null; then sam validate --lint --region us-east-1 --template template.yaml; \
	else $(call REQUIRED,sam); fi

.PHONY: invoke
invoke: $(DEV) ## Invoke one function with a sample event: FN=crawler EVENT=events/….json
	@test -n "$(FN)" && test -n "$(EVENT)" || { echo "say which: make invoke FN=crawler EVENT=events/crawler.json" >&2; exit 2; }
	@$(BIN)/python tools/invoke_function.py "$(FN)" "$(EVENT)" $(ARGS)

.PHONY: deploy
deploy: $(DEV) ## Build for ARCHITECTURE (arm64), then sam deploy (ARGS='--guided')
	$(BIN)/python tools/build_artefacts.py --architecture $(ARCHITECTURE)
	sam deploy --parameter-overrides Architecture=$(ARCHITECTURE) $(ARGS)
