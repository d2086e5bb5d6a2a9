# Everything a developer or a host of a catalog does, by name. `make` alone lists it.

PYTHON ?= python3
CATALOG ?= juneau-icefield
PYTEST_WORKERS ?= auto
ENV := .venv
BIN := $(ENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup check format test test-heavy test-wheel pictures fuzz page demo nasa-check bench photons-bench mission-bench scan-bench index-bench rebuild-catalog lock clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(ENV)/.installed ## make the virtual environment with the locked packages

$(ENV)/.installed: requirements.lock pyproject.toml catalog_builder/_version.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Python 3.11 or newer is needed: make setup PYTHON=python3.12' >&2; exit 1; }
	$(PYTHON) -m venv $(ENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

check: setup ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## mend the style where a machine can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: setup ## the tests, without those that take minutes
	$(BIN)/pytest -m 'not heavy' -n $(PYTEST_WORKERS) --dist loadfile

test-wheel: setup ## build the wheel, install it with what it declares alone, and open a catalog
	$(BIN)/pytest -m heavy --timeout=600 tests/test_wheel.py

docs: setup ## the documentation, in docs/_build/html: no network, warnings are errors
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

notebooks: setup ## run the notebooks against the stand-in, and keep what they give
	$(BIN)/python -m tests.run_notebooks

pictures: setup ## draw the pictures of docs/how-to/forest-reef-glacier.md, against the stand-in
	$(BIN)/python -m tests.make_pictures

fuzz: setup ## 100,000 cases of odd input, of seven kinds (an hour; FUZZ='--cases 7000 --minutes 8': fewer)
	$(BIN)/python -m tests.hostile.fuzz --jobs 2 $(FUZZ)

test-heavy: setup ## the tests that take minutes
	$(BIN)/pytest -m heavy --timeout=600

page: ## bundle index.html from web/ (needs node and npm; the result is under version control)
	cd web && npm ci --ignore-scripts --no-fund --no-audit
	cd web && node build.mjs ../catalog_builder/catalog/stac/web_page.html

demo: setup ## the whole pipeline against a stand-in of NASA's services: no network, no account
	$(BIN)/catalog-builder demo --out demo

nasa-check: setup ## the whole pipeline at NASA's services, with a report (needs a login; NASA=--help)
	$(BIN)/catalog-builder nasa-check $(NASA)

bench: setup ## time ways of opening beams, behind latency (some ten minutes; BENCH=--quick: two)
	$(BIN)/python -m benchmarks.run $(BENCH)

photons-bench: setup ## time ways of reading the photons of an area (twenty minutes; PHOTONS=--quick: two)
	$(BIN)/python -m benchmarks.photons $(PHOTONS)

mission-bench: setup ## build, rebuild and search 5,000 to 500,000 granules (MISSION=--help: what else)
	$(BIN)/python -m benchmarks.mission $(MISSION)

scan-bench: setup ## scan granules of 490 MB behind latency, as `index` does (some two minutes)
	$(BIN)/python -m benchmarks.scan

index-bench: setup ## index 50,000 and 500,000 granules with canned scans (INDEX=--help: what else)
	$(BIN)/python -m benchmarks.indexing $(INDEX)

rebuild-catalog: setup ## build or update catalogs/$(CATALOG)/public from CMR
	$(BIN)/catalog-builder build catalogs/$(CATALOG)/definition.toml --out catalogs/$(CATALOG)/public

lock: setup ## resolve the versions in requirements.lock anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --group test --group check --group bench --group docs \
	  --universal --python-version 3.11 --upgrade --no-header --no-annotate -o requirements.lock

clean: ## remove what can be made again
	rm -rf $(ENV) demo benchmarks/.granules benchmarks/.mission .mypy_cache .pytest_cache .ruff_cache .hypothesis
