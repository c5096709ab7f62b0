# `make brief` sets up and runs the main job; `make test` sets up and runs the tests.
# Everything they need or write stays inside this folder: .venv, .cache, results.
# the first Python that is new enough, else the one to complain about
NEW_ENOUGH := -c "import sys; sys.exit(sys.version_info < (3, 11))"
PYTHON ?= $(or $(shell for p in python3 python python3.13 python3.12 python3.11; do \
  $$p $(NEW_ENOUGH) 2>/dev/null && echo $$p && break; done),python3)
VENV := .venv
BIN := $(VENV)/bin
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export XDG_CACHE_HOME := $(CURDIR)/.cache
export XDG_CONFIG_HOME := $(CURDIR)/.cache/config
export XDG_DATA_HOME := $(CURDIR)/.cache/data
export XDG_STATE_HOME := $(CURDIR)/.cache/state
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib
# pip asks rustc for its version, and rustup would write to the home folder
export RUSTUP_HOME := $(CURDIR)/.cache/rustup
export PYTEST_DEBUG_TEMPROOT := $(CURDIR)/.cache
export MPLBACKEND := Agg
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# one BLAS thread for each worker: the batches are the parallel work
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

BRIEF := results/price_floor
SOURCES := $(shell find src experiments -name "*.py" -o -name "*.csv" -o -name "*.toml" -o -name "*.j2")

.PHONY: brief test market clean
brief: $(BRIEF)/run.json
	@echo "The brief is $(BRIEF)/brief.html"

# exit code 3: done, but some draws were not solved; the brief says how many
$(BRIEF)/run.json: $(VENV)/.run $(SOURCES)
	$(BIN)/python -m experiments price_floor -o $(BRIEF) --overwrite || test $$? -eq 3

test: $(VENV)/.dev
	@mkdir -p $(PYTEST_DEBUG_TEMPROOT)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

market: $(VENV)/.dev
	$(BIN)/python -m calibration all

$(VENV)/.run: pyproject.toml requirements.lock
	@$(PYTHON) $(NEW_ENOUGH) || { \
	  echo "floormodel needs Python 3.11 or newer; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)"; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing into $(VENV): about a minute the first time"
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet -c requirements.lock -e ".[report]"
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/python -m pip install --quiet -c requirements.lock -e ".[report,calibration,sensitivity,notebook]" --group dev
	@touch $@

clean:
	rm -rf $(VENV) .cache results build dist
