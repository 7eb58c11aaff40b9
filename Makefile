# make setup | demo | learn | test | soak | lint | bench | docs
# Everything sets itself up once; a second `make` does not install again.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
RAW ?= ../shared/data/imagenette-160.tar

.PHONY: setup demo learn test soak lint bench docs clean
.DELETE_ON_ERROR:

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt scripts/setup.sh
	PYTHON=$(PYTHON) bash scripts/setup.sh $(VENV)
	@touch $@

demo: setup ## ImageNet-like archives made here -> shards -> statistics -> network -> prediction
	bash scripts/demo.sh $(OUT)/demo $(BIN)

learn: setup ## a real small set: the recipes `quick` and `paper` beside each other
	bash scripts/learn.sh $(RAW) $(OUT)/learn $(BIN)

test: setup
	$(BIN)/python -m pytest

soak: setup ## what takes minutes: many kills, much fuzz, load
	$(BIN)/python -m pytest -m soak

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup ## every figure a ratio in one run, medians of alternating pairs
	$(BIN)/python -m benchmarks.all $(OUT)/bench

docs: setup ## docs/cli.md from the commands' own help
	$(BIN)/python docs/make_cli.py

clean:
	rm -rf $(OUT)
