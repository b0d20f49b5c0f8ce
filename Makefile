# `make help` lists what there is. Everything happens in .venv, which is made when it is missing or outdated.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
CHECKED := schemas projections services deploy tests

.PHONY: help up down clean logs test test-all test-faults mutants bench check format lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(READY) ## start everything, fill it with a demo, show the profiles; TLS=1 over HTTPS, TLS=0 back
	@$(BIN)/vita up $(if $(TLS),$(if $(filter 0 no off,$(TLS)),--no-tls,--tls))

down: $(READY) ## stop everything, keep the data
	@$(BIN)/vita down

clean: $(READY) ## stop everything, remove the data, the keys and the logs
	@$(BIN)/vita clean

logs: $(READY) ## follow the logs of all parts
	@$(BIN)/vita logs --follow --lines 20

# How many processes run the tests, each with a broker and a database server of its own; a file is run by one.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile

test: $(READY) ## run the tests; WORKERS=1 in one process
	$(PYTEST)

test-all: $(READY) ## run the tests, the slow ones too
	$(PYTEST) -m ""

FAULTS ?= 300
test-faults: $(READY) ## break a running installation, check that nothing is lost or doubled; FAULTS=300 SEED=7
	$(BIN)/python -m tests.faults.harness --faults $(FAULTS) $(if $(SEED),--seed $(SEED))

MUTANTS ?= 100
mutants: $(READY) ## change decisions in one place each, print the share that unit tests and laws notice; MUTANTS=100 SEED=1
	$(BIN)/python -m tests.mutants --count $(MUTANTS) $(if $(SEED),--seed $(SEED))

bench: $(READY) ## measure the speed of every part and of the whole
	$(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench.searches
	$(BIN)/python -m tests.bench.mutations
	$(BIN)/python -m tests.bench.login_checks
	$(BIN)/python -m tests.bench.fairness
	$(BIN)/python -m tests.bench.rebuild

check: $(READY) ## formatting, lint, types, declared dependencies, direction of imports
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/mypy
	$(BIN)/deptry --no-ansi schemas projections services deploy
	$(BIN)/lint-imports --no-logo

format: $(READY) ## format the code, correct what lint can correct
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

# Interrupted at any moment, the next run starts over: the stamp is written last.
$(READY): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Vita needs Python 3.11 or newer: install it, or name it: make PYTHON=/path/to/python3 ..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11: name a newer one: make PYTHON=/path/to/python3 ..."; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version); the packages are about 200 MB and are fetched once."
	@test -e $(READY) || rm -rf $(VENV)
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "No virtual environment could be made (on Debian and Ubuntu: apt install python3-venv)."; exit 1; }
	@export PIP_DISABLE_PIP_VERSION_CHECK=1; \
		$(BIN)/python -m pip install --require-hashes --no-deps -r requirements-dev.lock | { grep --line-buffered -oE '^(Collecting [^ ]+|Installing)' || true; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# Renewing the locks needs the network and Python 3.11, the oldest that is supported.
PIP_COMPILE = $(VENV)-lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --upgrade \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host
lock: $(READY) ## renew the lock files: Python packages and Kafka's jars
	@$(PYTHON) -m venv --clear $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet pip-tools
	@export CUSTOM_COMPILE_COMMAND="make lock"; unset PIP_FIND_LINKS; \
		$(PIP_COMPILE) --output-file requirements.lock pyproject.toml; \
		$(PIP_COMPILE) --extra dev --extra local --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	@$(BIN)/python -m deploy.local lock
	@rm -rf $(VENV)-lock
