# Seawall's jobs, one target each; `make` alone lists them. Nothing is installed outside .venv, nothing written
# outside .venv, build/ and dist/.

PYTHON ?= python3
VENV   ?= .venv

# The versions pyproject.toml allows; empty when PYTHON is missing or unfit.
PYVER := $(shell $(PYTHON) -c 'import sys; v = sys.version_info[:2]; print("%d.%d" % v if (3, 11) <= v < (3, 14) else "")' 2>/dev/null)

BIN  := $(VENV)/bin
PY   := $(BIN)/python
BASE := $(VENV)/.base-$(PYVER)
DEV  := $(VENV)/.dev-$(PYVER)

export PIP_DISABLE_PIP_VERSION_CHECK := 1

# pytest without the plugins other packages may bring, so that the same tests run everywhere.
PYTEST := PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(PY) -m pytest -p xdist -p _hypothesis_pytestplugin

UV ?= uv
LOCK = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types imports mutants realdata bench docs lock clean base dev

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PYTHON=python3.12 picks the interpreter (3.11 to 3.13; default python3)"

base: $(BASE) ## install Seawall alone into .venv (requirements/base.txt, by hash)

dev: $(DEV) ## add what tests and linters need (requirements/dev.txt, by hash)

$(BASE): requirements/base.txt pyproject.toml
	@if [ -z "$(PYVER)" ]; then \
	  echo "Seawall needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1 || true)" >&2; \
	  echo "Name one that fits: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; fi
	@if [ -x $(PY) ] && [ "$$($(PY) -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$(PYVER)" ]; then :; else \
	  echo "making $(VENV) with Python $(PYVER)"; \
	  $(PYTHON) -m venv --clear $(VENV) || { echo "'$(PYTHON) -m venv' failed; on Debian: apt install python3-venv" >&2; exit 2; }; fi
	@echo "installing requirements/base.txt and Seawall itself (once)"
	@$(PY) -m pip install -qq --require-hashes -r requirements/base.txt || { \
	  echo "pip could not install requirements/base.txt (its message is above): is a package index reachable?" >&2; exit 3; }
	@$(PY) -m pip install -qq --no-deps --no-build-isolation -e . || { \
	  echo "the packages are in, but Seawall itself did not install (message above)" >&2; exit 3; }
	@touch $@

$(DEV): $(BASE) requirements/dev.txt
	@echo "installing requirements/dev.txt (once)"
	@$(PY) -m pip install -qq --require-hashes -r requirements/dev.txt || { \
	  echo "pip could not install requirements/dev.txt (its message is above): is a package index reachable?" >&2; exit 3; }
	@touch $@

demo: $(BASE) ## a stressed venue and its fund, from install to tables, in build/demo
	@rm -rf build/demo
	@$(PY) -m seawall.cli.main demo --out build/demo

test: $(DEV) ## every test that needs no real data
	$(PYTEST) -n 2 -m "not realdata"

check: lint types imports ## what to run before a commit: linters, types and the exact core with few examples, under a minute
	HYPOTHESIS_PROFILE=quick $(PYTEST) -n 2 -q -m "not realdata and not slow" \
	  tests/test_amounts.py tests/design tests/rules tests/fund tests/venue tests/cases tests/scenario/test_run.py tests/cli

lint: $(DEV) ## ruff: style and common mistakes
	$(BIN)/ruff check --no-cache src tests tools $(wildcard benchmarks)

types: $(DEV) ## mypy, strict
	$(BIN)/mypy

imports: $(DEV) ## import-linter: which room may import which
	$(BIN)/lint-imports --no-cache --no-logo

mutants: $(DEV) ## one-line faults in the rules; every one must fail a test (PART=0/3: a third of them)
	$(PY) tools/mutants.py $(if $(PART),--part $(PART))

realdata: $(DEV) ## tests on the real data in SEAWALL_DATA (WRITE=1 writes docs/validation/realdata.json)
	$(if $(WRITE),$(PY) tools/realdata_json.py,$(PYTEST) -n 2 -rs -m realdata tests/realdata)

bench: $(DEV) ## one claim of speed a file, beside its peer
	@for f in benchmarks/*.py; do [ -e "$$f" ] || { echo "no benchmarks yet"; break; }; echo "== $$f"; $(PY) "$$f" || exit 1; done

docs: $(DEV) ## rerun the command blocks of README.md and docs/ and compare
	$(PY) tools/readme_blocks.py

lock: ## recompile requirements/*.txt (needs uv)
	$(LOCK) requirements/base.in -o requirements/base.txt
	$(LOCK) -c requirements/base.txt requirements/dev.in -o requirements/dev.txt
	@for f in base dev; do { echo "# Exact pins with hashes, compiled from $$f.in by \`make lock\`; edit that, not this."; \
	  grep -v '^# Exact pins' requirements/$$f.txt; } > requirements/$$f.tmp && mv requirements/$$f.tmp requirements/$$f.txt; done
	@! grep -nE 'https?://|file:|--index|--find-links' requirements/*.txt || { echo "an address slipped into a lock" >&2; exit 1; }

clean: ## remove build outputs and caches (.venv stays)
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
