# Everything runs from .venv, which the first target makes from plain python3 (3.11 or newer).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
TESTS  ?= test

# Some images set it; but the tests start many processes, and each would compile all of the code anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo run test test-all test-postgres check crash crash-cluster crash-feeds hammer year soak scaling messages reference pictures docs format lock audit bench clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# Locked packages are installed with their hashes checked; the project itself is then linked in without resolving anything.
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Newsdesk needs Python 3.11 or newer; set PYTHON=…"; exit 1; }
	@test -x $(BIN)/python || { echo "Making a Python environment in $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing $$(grep -c == requirements.lock) packages into it: a minute or two, and only when they change ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@echo "Installing Newsdesk itself ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(VENV)/.installed  ## The whole bot offline in a browser, no token (ARGS=--headless for a terminal)
	@$(BIN)/newsdesk demo $(ARGS)

run: $(VENV)/.installed  ## Log in to Discord (settings from the environment or .env)
	@$(BIN)/newsdesk run $(ARGS)

test: $(VENV)/.installed  ## The test suite without the tests that take long
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow" --hypothesis-profile quick $(ARGS)

test-all: $(VENV)/.installed  ## The whole test suite, as CI runs it
	@$(BIN)/python -m pytest -q -n auto --dist worksteal $(ARGS)

test-postgres: $(VENV)/.installed  ## The store's tests and those above it on a PostgreSQL of their own
	@$(BIN)/python -m tests.support.postgres $(ARGS)

check: $(VENV)/.installed  ## Format check, lint, types, layers, known holes, then the tests (TESTS=test-all for all)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	@$(MAKE) --no-print-directory audit ARGS=--where-served
	@$(MAKE) --no-print-directory $(TESTS)

format: $(VENV)/.installed  ## Rewrite the code in the project's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed  ## Speed, as ratios against references in the same run
	@$(BIN)/python -m tests.bench.loading
	@$(BIN)/python -m tests.bench.searching
	@$(BIN)/python -m tests.bench.digests
	@$(BIN)/python -m tests.bench.delivery

crash: $(VENV)/.installed  ## Kill the bot 300 times while it delivers, and count (about 10 minutes)
	@$(BIN)/python -m tests.crash $(ARGS)

hammer: $(VENV)/.installed  ## Send the demo 300 commands and clicks in a browser while cards come, and count (about 10 minutes)
	@HAMMER_PAIRS=150 $(BIN)/python -m pytest -q tests/demo/test_hammer.py $(ARGS)

crash-cluster: $(VENV)/.installed  ## Kill three couriers on one PostgreSQL 300 times, restart it 5 times, and count (about 15 minutes)
	@$(BIN)/python -m tests.crash.cluster $(ARGS)

crash-feeds: $(VENV)/.installed  ## Kill the bot 100 times while feeds that fail and lie come in, and count (about 15 minutes; ARGS=--postgres)
	@$(BIN)/python -m tests.crash.feeds $(ARGS)

year: $(VENV)/.installed  ## Let a year of news pass and compare it with the calendar (about 20 minutes)
	@$(BIN)/python -m tests.year $(ARGS)

soak: $(VENV)/.installed  ## A quarter of an hour of news, readers and faults at full size, counted (about 17 minutes)
	@$(BIN)/python -m tests.soak $(ARGS)

scaling: $(VENV)/.installed  ## How far one bot reaches: a day for 100,000 servers, simulated and reckoned (about 3 minutes)
	@$(BIN)/python -m tests.scaling $(ARGS)

messages: $(VENV)/.installed  ## Bring the catalogues of the other languages up to date (ARGS=fr begins one)
	@$(BIN)/python tools/messages.py $(ARGS)

reference: $(VENV)/.installed  ## Write the tables of commands and settings in docs/ from the code
	@$(BIN)/python tools/reference.py

pictures: $(VENV)/.installed  ## Draw every screen into build/pictures, and the pictures of README.md and docs/ (needs Chromium)
	@$(BIN)/python -m tests.pictures $(ARGS)

docs: build/docs/.installed  ## Build the pages of docs/ as a site in build/site; a link that leads nowhere fails
	@build/docs/bin/zensical build --clean --strict

build/docs/.installed: requirements-docs.lock
	@$(PYTHON) -m venv build/docs
	@build/docs/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-docs.lock
	@touch $@

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	--no-header --python-version 3.11

lock: $(VENV)/.installed  ## Rewrite requirements.lock and requirements-docs.lock from pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --extra demo --extra postgres --group dev pyproject.toml -o requirements.lock
	$(COMPILE) --group docs -o requirements-docs.lock

audit: build/audit/bin/pip-audit  ## Ask the package index, or else OSV, about holes in the locked packages
	@$(PYTHON) tools/audit.py $(ARGS)

# What cannot be installed here cannot be asked either, and the line above says so.
build/audit/bin/pip-audit:
	-@$(PYTHON) -m venv build/audit && build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit

clean:  ## Remove what the targets made
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
