# Each target sets up its own environment: `make train` and `make test` work on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
WORKDIR ?= runs/synthetic
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS)
EXTRAS := parity,pose,corpus,detect,sweep,ray,test,bench
# The converter's packaging asks for a tool, and an older typing_extensions, that it does not use.
DEPLOY = $(PIP) -e '.[deploy]' && $(PIP) --no-deps litert-converter

# Two processes share what is compiled; one that is done takes over from the other.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

# The newest Python for which all packages come built, and what they are then; deploy and Ray were not tried there.
test-newest newest: PYTHON := python3.14
test-newest newest: VENV := .venv-newest
test-newest newest: CONSTRAINTS := constraints-newest.txt
test-newest newest: DEPLOY := true
test-newest newest: EXTRAS := parity,pose,corpus,detect,sweep,test,bench

.PHONY: train check test test-all test-newest newest lint bench docs notebook setup clean help

help:
	@echo "make train     train the built-in job (synthetic signs) in $(WORKDIR)"
	@echo "make check     lint and the fast tests: six minutes on two cores"
	@echo "make test      all tests that need nothing but this repository"
	@echo "make test-all  besides, those that need the reference data in ../shared"
	@echo "make test-newest  those of make test with Python 3.14 and the newest packages"
	@echo "make lint      formatting, lint and types"
	@echo "make bench     speed against the PyTorch reference"
	@echo "make docs      the documentation as pages, in site/"
	@echo "make notebook  runs docs/notebooks from top to bottom, in runs/notebooks"
	@echo "make setup     only set up $(VENV)"

# The package and what it needs, pinned; nothing else.
$(VENV)/core.stamp: pyproject.toml $(CONSTRAINTS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

# What tests, lint and benchmarks need besides.
$(VENV)/full.stamp: $(VENV)/core.stamp
	$(PIP) -e '.[$(EXTRAS)]'
	$(DEPLOY)
	touch $@

# What makes the documentation's pages.
$(VENV)/docs.stamp: $(VENV)/core.stamp
	$(PIP) -e '.[docs]'
	touch $@

# What runs notebooks.
$(VENV)/notebook.stamp: $(VENV)/core.stamp
	$(PIP) -e '.[notebook]'
	touch $@

setup: $(VENV)/core.stamp

train: $(VENV)/core.stamp
	$(BIN)/jaxsign train --config fslr_transformer:synthetic --workdir $(WORKDIR)
	$(BIN)/jaxsign evaluate --workdir $(WORKDIR)

check: lint
	$(PYTEST) -m "not slow and not shared"

test: $(VENV)/full.stamp
	$(PYTEST) -m "not shared"

test-all: $(VENV)/full.stamp
	$(PYTEST) -m shared

test-newest:
	$(MAKE) test PYTHON=$(PYTHON) VENV=$(VENV) CONSTRAINTS=$(CONSTRAINTS) EXTRAS=$(EXTRAS) DEPLOY=$(DEPLOY)

newest:
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	{ head -n 1 $(CONSTRAINTS); $(VENV)/bin/python -m pip freeze --exclude-editable \
	    | grep -Ev '^(nvidia|cuda|triton)'; } > $(CONSTRAINTS).new
	mv $(CONSTRAINTS).new $(CONSTRAINTS)

lint: $(VENV)/full.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/full.stamp
	$(BIN)/python -m benchmarks $(BENCH)

# The pages fetch nothing from other hosts; a link inside them that leads nowhere is an error.
docs: $(VENV)/docs.stamp
	NO_MKDOCS_2_WARNING=1 JAX_PLATFORMS=cpu $(BIN)/python -m mkdocs build --strict --clean
	@echo "read it: $(BIN)/python -m http.server --directory site (or open site/index.html: all but the search)"

# The copy that runs keeps what its cells show; the one in docs/ has none of it.
notebook: $(VENV)/notebook.stamp
	mkdir -p runs/notebooks
	cp docs/notebooks/*.ipynb runs/notebooks
	$(BIN)/python -m nbconvert --to notebook --execute --inplace runs/notebooks/*.ipynb

clean:
	rm -rf $(VENV) runs site
