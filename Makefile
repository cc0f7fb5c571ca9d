# make study: creates .venv, installs, runs the quickstart study, prints its table and the path of report.html
# make test:  creates .venv, installs, checks style and types, runs the tests
# Needed: Python >= 3.10, make, and pip's package index. Nothing here deletes a result.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt

.PHONY: install dev study test test-slow lint format bench bench-check docs constraints hashes clean

install: $(VENV)/.installed  ## what a study needs
dev: $(VENV)/.installed-dev  ## and what a developer needs

# Stamps: pip is only asked again when what is to be installed has changed.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 10) or sys.exit("Python >= 3.10 is needed, $(PYTHON) is %d.%d: make PYTHON=..." % v[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[dev]'
	touch $@

study: install
	$(BIN)/python -m xtreme_noise +experiment=quickstart

test: dev lint
	$(BIN)/python -m pytest -n 2 --dist loadscope -m "not slow"

test-slow: dev
	$(BIN)/python -m pytest -m slow

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: dev
	$(BIN)/python -m benchmarks

bench-check: dev  ## fails when a ratio is worse by a fifth than the last one in docs/benchmark_history.csv
	$(BIN)/python -m benchmarks --check

docs: dev  ## the site, in build/site; broken links are errors
	rm -rf build/pages
	mkdir -p build/pages
	cp -R *.md docs tools/site/api.md build/pages
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build  # not --quiet, with which warnings are no errors
	@echo build/site/index.html

constraints: dev
	$(BIN)/python tools/constraints.py > constraints.txt.new
	mv constraints.txt.new constraints.txt

hashes: dev  ## for a release: constraints.txt with the sha256 of every file
	mkdir -p dist
	$(BIN)/python tools/constraints.py --hashes > dist/requirements-hashes.txt

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find benchmarks tests tools xtreme_noise -name __pycache__ -type d -prune -exec rm -rf {} +
