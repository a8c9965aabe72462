# Each target sets up its own environment: `make train` and `make test` work on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKDIR ?= runs/synthetic
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: train test lint bench setup clean help

help:
	@echo "make train   train the built-in job (synthetic signs) in $(WORKDIR)"
	@echo "make test    run the tests"
	@echo "make lint    formatting, lint and types"
	@echo "make bench   speed against the PyTorch reference"
	@echo "make setup   only set up $(VENV)"

# The package and what it needs, pinned; nothing else.
$(VENV)/core.stamp: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

# What tests, lint and benchmarks need besides.
$(VENV)/full.stamp: $(VENV)/core.stamp
	$(PIP) -e '.[parity,pose,test,bench]'
	touch $@

setup: $(VENV)/core.stamp

train: $(VENV)/core.stamp
	$(BIN)/jaxsign train --config fslr_transformer:synthetic --workdir $(WORKDIR)
	$(BIN)/jaxsign evaluate --workdir $(WORKDIR)

test: $(VENV)/full.stamp
	$(BIN)/python -m pytest

lint: $(VENV)/full.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/full.stamp
	$(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) runs
