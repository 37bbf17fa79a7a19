# Every command of the project. `make` lists them.

PORT ?= 8080
VENV := .venv
CLIENTS := .cache/clients
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# The first of these that is new enough; or name one: make setup PYTHON=/opt/python3.13/bin/python3
# For 3.11 and 3.13 there are wheels of everything; for others PocketSphinx is compiled, which needs a C compiler.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3.11 python3.13 python3 python3.12 python3.14,\
	$(shell $(name) -c '$(NEW_ENOUGH)' 2>/dev/null && echo $(name))))

# Without byte code pytest compiles hypothesis anew in every run, where CPython 3.11 sometimes fails.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup serve test test-audio test-ffmpeg test-clients check format bench bench-vocabulary bench-streams bench-partials bench-amazon bench-pii bench-speakers bench-jobs crash docs lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/dev.stamp ## The environment in .venv, from the locks, with the tools for development

serve: $(VENV)/base.stamp ## The server on 127.0.0.1, PORT=8080, with an example for every API
	@exec $(BIN)/dragoman serve --port $(PORT)

test: $(VENV)/dev.stamp ## All tests that need nothing outside the repository: no network, no other program
	$(BIN)/python -m pytest

test-audio: $(VENV)/dev.stamp ## The tests over the recordings in ../shared/audio
	$(BIN)/python -m pytest -m audio

test-ffmpeg: $(VENV)/dev.stamp ## The tests that make their input with the ffmpeg program
	$(BIN)/python -m pytest -m ffmpeg

test-clients: $(VENV)/dev.stamp $(CLIENTS)/stamp ## The tests with vendors' own SDKs, on Node and in Chromium too; installs the SDKs
	$(BIN)/python -m pytest -rs -m "client or browser"

check: $(VENV)/dev.stamp ## Format, lint, types, import contracts, documentation; fast
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m ruff check
	$(BIN)/python -m mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_docs.py

format: $(VENV)/dev.stamp ## Rewrite the code as `make check` wants it
	$(BIN)/python -m ruff check --fix-only
	$(BIN)/python -m ruff format

bench: $(VENV)/dev.stamp ## Word error rate and speed over ../shared/audio, with a result file
	$(BIN)/python -m benchmarks

bench-vocabulary: $(VENV)/dev.stamp ## What phrases and dictionary words bring, over ../shared/audio, with a result file
	$(BIN)/python -m benchmarks vocabulary

bench-streams: $(VENV)/dev.stamp ## How soon live streams are recognised, how many at once, and what rude clients leave behind
	$(BIN)/python -m benchmarks streams

bench-partials: $(VENV)/dev.stamp ## What is shown while somebody speaks, how soon, over ../shared/audio, with a result file
	$(BIN)/python -m benchmarks partials

bench-amazon: $(VENV)/dev.stamp ## Live streams through Amazon's own SDK, and what its stabilisation brings, with a result file
	$(BIN)/python -m benchmarks amazon-streams amazon-stability

bench-pii: $(VENV)/dev.stamp ## How much personal data is found in spoken sentences, and how often wrongly, with a result file
	$(BIN)/python -m benchmarks pii

bench-speakers: $(VENV)/dev.stamp ## Who speaks when, over meetings and mixes of ../shared/audio, with a result file
	$(BIN)/python -m benchmarks speakers

bench-jobs: $(VENV)/dev.stamp ## How fast jobs are accepted, asked for and begun beside 100,000 that are done, with a result file
	$(BIN)/python -m benchmarks jobs

KILLS ?= 1000
crash: $(VENV)/dev.stamp ## Jobs against kill -9, KILLS=1000: what is lost, doubled or stuck
	PYTHONPATH=tests $(BIN)/python -m crash --kills $(KILLS)

docs: $(VENV)/dev.stamp ## Rewrite the generated pages of the documentation
	$(BIN)/python docs/generate.py
	$(BIN)/python tools/coverage_pages.py

lock: .cache/uv/bin/uv ## Rewrite the locks from pyproject.toml; UPGRADE=1 takes newer versions
	$< $(COMPILE) pyproject.toml --group build --output-file requirements.lock
	$< $(COMPILE) pyproject.toml --group build --group dev --constraint requirements.lock --output-file requirements-dev.lock
	$< $(COMPILE) tests/clients/requirements.in --output-file tests/clients/requirements.lock
	npm install --prefix tests/clients --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts

clean: ## Remove the environment and everything else that was made
	rm -rf $(VENV) .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	find src tests benchmarks docs -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/base.stamp: requirements.lock pyproject.toml
	@"$(or $(PYTHON),false)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
	  echo "Dragoman needs Python 3.11 or newer, and found: $$($(or $(PYTHON),python3) --version 2>&1)." >&2; \
	  echo "Install one, or name the one to use: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(BIN)/python -c '$(NEW_ENOUGH)' 2>/dev/null || { \
	  rm -rf $(VENV) && echo "Making $(VENV) with $$($(PYTHON) --version) ..." && $(PYTHON) -m venv $(VENV); } || { \
	  rm -rf $(VENV); echo "On Debian and Ubuntu the package python3-venv is needed." >&2; exit 1; }
	@echo "Installing what requirements.lock names ..."
	@$(PIP) install --no-compile --require-hashes --prefer-binary -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/base.stamp requirements-dev.lock
	@echo "Installing what requirements-dev.lock names ..."
	@$(PIP) install --require-hashes --prefer-binary -r requirements-dev.lock
	@touch $@

# The first of these that is new enough for the newest of Amazon's SDKs, or PYTHON, where its tests are left out.
NEWEST := import sys; sys.exit(sys.version_info < (3, 12))
CLIENTS_PYTHON ?= $(firstword $(foreach name,\
	python3.12 python3.13 python3.14 python3 $(wildcard $(HOME)/.pyenv/versions/3.1[2-9].*/bin/python3),\
	$(shell $(name) -c '$(NEWEST)' 2>/dev/null && echo $(name))) $(PYTHON))

$(CLIENTS)/stamp: tests/clients/requirements.lock tests/clients/package.json tests/clients/package-lock.json
	@echo "Installing the SDKs for the tests in $(CLIENTS) ..."
	@rm -rf $(CLIENTS) && $(CLIENTS_PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --prefer-binary \
	  -r tests/clients/requirements.lock
	@cp tests/clients/package.json tests/clients/package-lock.json $(CLIENTS)
	@PATH="$(CURDIR)/$(CLIENTS)/bin:$$PATH" npm ci --prefix $(CLIENTS) --ignore-scripts --no-audit --no-fund --no-update-notifier
	@touch $@

COMPILE := pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.cache/uv/bin/uv:
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/python -m pip --disable-pip-version-check --quiet install uv
