# Netwright: `make demo` and `make test` work on a fresh machine; each does the set-up itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint weights figures figures-training figures-reliability release serve clean

help:
	@echo "make setup | demo | test | lint | weights | figures | figures-training | figures-reliability | release | serve | clean"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,postgres,s3]'
	$(BIN)/netwright data prepare
	@touch $(STAMP)

demo: setup
	$(BIN)/netwright demo

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -n 3 --dist loadfile

# Everything that ships in artifacts/, trained again; each card says what it cost.
weights: setup
	$(BIN)/netwright train scores
	$(BIN)/netwright train scores --deep
	$(BIN)/netwright train encoder
	$(BIN)/netwright train pretrained
	$(BIN)/netwright train predictor
	$(BIN)/netwright train devices
	$(BIN)/netwright train generator
	$(BIN)/netwright train generator --method score_sde
	$(BIN)/netwright train task-encoder

# docs/figures, printed again by this code: those that look tables up, those that train networks, the drills.
# What is of this code already is left; an interrupted run goes on where it was.
figures: setup
	$(BIN)/python -m experiments.framework.figures

figures-training: setup
	$(BIN)/python -m experiments.framework.figures training

figures-reliability: setup
	$(BIN)/python -m experiments.framework.figures reliability

# Fails on a figure of other code, of an unknown commit or of the old format, and on one written by hand.
release: setup
	$(BIN)/python -m experiments.framework.release

serve: setup
	$(BIN)/netwright serve

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info
