# Resguardo. `make` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
PORT_BASE ?= 8700
NAME ?=
export PORT_BASE

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

.PHONY: install
install: ## install what running needs (root or sudo only where something is missing)
	@sandbox/install.sh

.PHONY: install-test
install-test: ## install what the tests need as well
	@sandbox/install.sh test

.PHONY: run
run: install ## start everything with a demo company; PORT_BASE=9700 for other ports; Ctrl-C stops it
	@exec $(PYTHON) -m sandbox.launch

.PHONY: static
static: install-test ## linters, types, import contracts
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-logo

.PHONY: check
check: static ## everything that answers within a minute: linters, types, import contracts, fast tests
	$(PYTEST) -q -n 2 --dist loadfile -m "not services and not e2e"

.PHONY: test
test: static ## everything: also real PostgreSQL, clamd, S3 server and browser
	$(PYTEST) -n 2 --dist loadfile -m "not e2e"
	if [[ -d tests/e2e ]]; then $(PYTEST) -m e2e; fi

.PHONY: bench
bench: install-test ## benchmarks, all or NAME=...; results in bench/latest.json
	$(PYTHON) -m bench $(NAME)

.PHONY: demo-screenshots
demo-screenshots: install-test ## pictures of phone and console for the README
	$(PYTHON) -m sandbox.screenshots

.PHONY: lock
lock: install-test ## pin requirements*.in again, with hashes
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes -o requirements.txt requirements.in
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes -o requirements-dev.txt requirements-dev.in
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes -o sandbox/helpdesk/requirements.txt sandbox/helpdesk/requirements.in

.PHONY: clean
clean: ## remove what tools left behind; var/ (data, keys) and .venv* stay
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench/latest.json
	find . -name __pycache__ -type d -not -path './.venv*/*' -prune -exec rm -rf {} +
