# Each target sets up what it needs, and does the same here as in CI. A second call finds it there.
#
#   make run      a gateway on http://127.0.0.1:8080, from config.example.yaml
#   make demo     one provider's SDK writes, two others' read and change: see it happen
#   make test     every test, those with the providers' own SDKs included
#   make check    what CI runs: ruff, mypy, the tests
#   make bench    what it costs
#   make docs     writes what the README has from the tables, and docs/dialects.md
#   make install  only the set-up, into .venv and tests/{sdk,real,dashboard}/node_modules

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install run demo test check bench docs clean

CONFIG ?= config.example.yaml
SERVE ?=
TESTS ?=
# all of them on two processes, a file of tests on one; those that are named are quicker without
WORKERS := $(if $(TESTS),,-n 2 --dist loadfile)

# the first Python on the path that is new enough, and this environment's own programs first
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
NODE_IS_THERE := $(shell PATH="$(CURDIR)/.venv/bin:$$PATH"; \
	node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && command -v npm >/dev/null && echo yes)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help:
	@sed -n 's/^#   //p' Makefile

install: .venv/installed tests/sdk/node_modules/installed tests/real/node_modules/installed \
		tests/dashboard/node_modules/installed

run: .venv/installed
	@exec .venv/bin/python -m gateway serve --config $(CONFIG) $(SERVE)

demo: install
	.venv/bin/python -m gateway demo

test: install
	.venv/bin/python -m pytest $(WORKERS) $(TESTS)

check: install
	.venv/bin/ruff format --check
	.venv/bin/ruff check
	.venv/bin/mypy
	$(MAKE) --no-print-directory test

bench: .venv/installed
	.venv/bin/python -m benchmarks

docs: .venv/installed
	@{ echo; .venv/bin/python -m gateway capabilities; echo; } > .venv/capabilities.md
	@sed -e '/^<!-- capabilities -->/,/^<!-- .capabilities -->/{' -e '/^<!--/!d' -e '}' \
		-e '/^<!-- capabilities -->/r .venv/capabilities.md' README.md > .venv/README.md
	@cp .venv/README.md README.md
	@.venv/bin/python -m tests.docs_dialects > .venv/dialects.md
	@cp .venv/dialects.md docs/dialects.md

clean:
	rm -rf .venv tests/{sdk,real,dashboard}/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and there is none on the path" >&2; exit 1; }
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "setting up .venv"
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement constraints.txt --editable .
	@touch $@

ifeq ($(NODE_IS_THERE),yes)
tests/sdk/node_modules/installed tests/real/node_modules/installed tests/dashboard/node_modules/installed: \
		tests/%/node_modules/installed: \
		tests/%/package.json tests/%/package-lock.json
	@echo "setting up tests/$*/node_modules"
	@npm ci --silent --prefix tests/$* --no-audit --no-fund
	@touch $@
else
tests/sdk/node_modules/installed:
	@echo "Node.js 20 or newer is not there: the tests with the JavaScript SDKs will be skipped" >&2
tests/real/node_modules/installed:
	@echo "Node.js 20 or newer is not there: the tests with a real Parse Server will be skipped" >&2
tests/dashboard/node_modules/installed:
	@echo "Node.js 20 or newer is not there: the test with the dashboard will be skipped" >&2
endif
