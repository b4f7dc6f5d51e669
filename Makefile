# Everything a fresh machine needs is Python 3.11+ with venv, and make: each target makes .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2
STAMP := $(VENV)/.installed

.PHONY: help demo test check bench clean

help:
	@echo "make demo    run the gateway on the sample decks against a real SMTP server on loopback"
	@echo "make test    run the test suite"
	@echo "make check   ruff, mypy --strict, import-linter"
	@echo "make bench   measure against public peers and print the ratios; BENCH='peers --quick' for some of it"
	@echo "make clean   remove what the other targets made"

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/cssmtp demo

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) -rs

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(STAMP)
	$(BIN)/python -m tests.bench $(BENCH)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist demo-spool
