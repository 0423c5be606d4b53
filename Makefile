# What a contributor types. Needs Python 3.11 or newer with pip, git, and make; all else comes into .venv.

VENV ?= .venv
BIN := $(VENV)/bin

ifndef PYTHON
PYTHON := $(shell for python in python3 python3.11 python3.12 python3.13; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
endif

.PHONY: demo test lint format-check ruff mypy imports docs docs-check site accuracy bench bench-smoke equality check clean

# What meshlint says of a small shop with mistakes in it. Exit code 1 means findings, and is what we came for.
demo: $(VENV)/.runtime
	$(BIN)/meshlint check examples/shop || test $$? -eq 1

# All tests, side by side; `make test PYTEST_ARGS="-m 'not slow'"` for the quick ones.
test: $(VENV)/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

lint: format-check ruff mypy imports

format-check: $(VENV)/.dev
	$(BIN)/ruff format --check .

ruff: $(VENV)/.dev
	$(BIN)/ruff check .

mypy: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

# docs/checks, docs/versions.md and docs/assets/demo.svg, written from the code itself.
docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py

docs-check: $(VENV)/.dev
	$(BIN)/python docs/generate.py --check

# The documentation as a site, in build/site. A broken link or a page that nothing leads to ends it.
site: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Breaks the healthy meshes of tests/corpus on purpose, and writes docs/accuracy.md.
accuracy: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m accuracy.measure

# Measures, and writes docs/performance.md.
bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py

# Compares the quick reader of YAML with libyaml: a million documents, about an hour.
equality: $(VENV)/.dev
	$(BIN)/python benchmarks/equality.py --documents 1000000

bench-smoke: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py --smoke

# Everything that CI runs, in environments of its own.
check:
	bash .ci/run

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.runtime

$(VENV)/.docs: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "meshlint needs Python 3.11 or newer; name one with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
