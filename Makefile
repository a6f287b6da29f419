# Everything a person or a machine does with this tree. Needs Python >= 3.11, git and make; the rest is installed here.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CODE := exporter tests bench scripts deploy/grafana
TESTS ?= tests

.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types imports dockerfile servers golden docs screenshots dashboards lock bench fuzz soak image sbom clean

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.runtime ## A simulated exchange and the exporter; no key needed, runs until Ctrl-C
	@exec $(BIN)/bingx-exporter demo $(DEMO_FLAGS)

test: $(VENV)/.dev servers ## The whole test suite, with all its set-up
	$(BIN)/pytest -n 4 --dist worksteal -m "not alone and not image" $(TESTS)
	$(BIN)/pytest -m "alone and not image" $(TESTS) || [ $$? = 5 ] # 5: none of them was asked for

check: $(VENV)/.dev lint types imports dockerfile test ## All that CI checks

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

dockerfile: $(VENV)/.dev
	$(BIN)/hadolint Dockerfile

servers: ## Install the real servers that tests talk to (Debian, root only; else those tests skip)
	@scripts/install-servers

golden: $(VENV)/.dev ## Rewrite the golden files; review the difference
	UPDATE_GOLDEN=1 $(BIN)/pytest -q tests -k golden

docs: $(VENV)/.dev ## Rewrite the generated pages of docs/
	$(BIN)/python scripts/generate_docs.py

dashboards: $(VENV)/.dev ## Rewrite the Grafana dashboards
	$(BIN)/python -m deploy.grafana.dashboards

screenshots: $(VENV)/.dev servers ## Take the pictures of the status page anew; five minutes
	$(BIN)/python scripts/screenshots.py

COMPILE := $(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-emit-find-links --no-header --no-annotate --quiet

lock: $(VENV)/.dev ## Pin the newest versions that pyproject.toml allows
	$(PIP) install uv
	echo 'setuptools>=77' | $(COMPILE) - -o requirements/build.lock
	$(COMPILE) pyproject.toml --extra postgresql -o requirements/runtime.lock
	$(COMPILE) pyproject.toml --extra postgresql --group dev -o requirements/dev.lock
	$(COMPILE) --group bench -o requirements/bench.lock

bench: $(VENV)/.dev build/peers/.installed ## Measure, each figure beside a reference in the same run; 40 minutes
	@WITH_BENCH=1 scripts/install-servers
	$(BIN)/python bench/run.py $(BENCH_FLAGS)

build/peers/.installed: requirements/bench.lock
	$(PYTHON) -m venv build/peers
	-build/peers/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/bench.lock && touch $@

FUZZ_SECONDS ?= 600
fuzz: $(VENV)/.dev ## Feed the decoders with nonsense for about FUZZ_SECONDS (600)
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/pytest -q tests/fuzz tests/integration/test_limit_behaviours.py

MINUTES ?= 30
soak: $(VENV)/.dev ## Exchange and exporter in trouble for MINUTES (30), and a judge of every page
	$(BIN)/python -m bench.soak --minutes $(MINUTES) $(SOAK_FLAGS)

image: $(VENV)/.dev ## Build the image on Debian's packages, run it and look it over (Debian, root; minutes)
	@WITH_IMAGE=1 scripts/install-servers
	$(BIN)/pytest -m image tests/e2e/test_image.py

sbom: ## A bill of materials (CycloneDX) of what is installed at run time
	$(PYTHON) -m venv build/sbom
	build/sbom/bin/pip install --quiet --require-hashes -r requirements/build.lock -r requirements/runtime.lock
	build/sbom/bin/pip install --quiet --no-deps --no-build-isolation .
	build/sbom/bin/pip uninstall --quiet --yes pip setuptools
	build/sbom/bin/python scripts/sbom.py > build/bingx-exporter.cdx.json

clean: ## Remove what was made here
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage*

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python requirements/build.lock requirements/runtime.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements/build.lock -r requirements/runtime.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.lock
	$(PIP) install --require-hashes -r requirements/dev.lock
	@touch $@
