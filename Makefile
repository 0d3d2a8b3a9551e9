# make setup | demo | test | test-full | image | test-containers | lint | format | clean        (make help says what each does)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The first that fits is taken; constraints.txt was tried with 3.11.
PYTHON ?= python3.11 python3.12 python3.13 python3
TESTS ?= tests
WORKERS ?= 2
MARKS ?= not slow

export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := 1

.PHONY: help setup demo test test-full test-containers test-timm image lint format clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 20

setup: $(STAMP) ## everything that the rest needs, in .venv (about 3 minutes, 2.5 GB; a second call installs nothing)

# The stamp is written last: an installation that broke off is taken up again by the next call.
$(STAMP): pyproject.toml constraints.txt
	@refuse() { printf '\nmake setup: %s\n' "$$1"; printf '  -> %s\n' "$${@:2}"; exit 1; } >&2
	usable() { "$$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
	python=
	for candidate in $(PYTHON); do if usable "$$candidate"; then python=$$candidate; break; fi; done
	[ -n "$$python" ] || refuse "no Python 3.11 or newer with its venv module found (tried: $(PYTHON))." \
	    "Install it (Debian, Ubuntu: apt-get install python3 python3-venv) and call make again." \
	    "Or name the one you have: make setup PYTHON=/path/to/python3.11"
	echo "Installing into $(VENV) with $$python (about 3 minutes the first time, 2.5 GB) ..."
	"$$python" -m venv $(VENV) || refuse "cannot make a virtual environment in $(VENV)." \
	    "Check that this folder is yours and the disk has room; if $(VENV) is of an older Python: make clean."
	if ! $(BIN)/python -m pip install --no-input --progress-bar off -c constraints.txt -e '.[dev]' &> $(VENV)/pip.log; then
	  grep -v 'is ignored:' $(VENV)/pip.log | tail -n 12 >&2
	  refuse "pip could not install the packages (its last words are above, all of them in $(VENV)/pip.log)." \
	    "'No matching distribution' and 'conflicting dependencies' are also what pip says when it cannot reach its index:" \
	    "behind a proxy set HTTPS_PROXY, with a mirror PIP_INDEX_URL ('pip config list' shows what holds)." \
	    "A certificate: PIP_CERT=/path/to/ca.pem. A slow line: PIP_DEFAULT_TIMEOUT=180." \
	    "A full disk: 2.5 GB are needed here, and room in TMPDIR meanwhile." \
	    "Then call make again: what pip has fetched it keeps."
	fi
	touch $@

demo: $(STAMP) ## the whole pipeline on 2,624 real images; ends with a candidate that waits for approval
	@code=0; $(BIN)/dfpt run --profile demo || code=$$?
	[ $$code -eq 4 ] || exit $$code  # 4: registered and waiting for a person, which is the aim

test: lint ## lint, types, import contracts, and every test that takes seconds
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "$(MARKS)" $(TESTS)

test-full: lint ## the same and the slow tests (SCREENSHOTS=DIR keeps what the browser showed; .ci/run keeps build/screenshots)
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(TESTS)

image: $(STAMP) ## the image that every step runs in, with podman (components/build.sh says what can be set)
	@PYTHON=$(BIN)/python components/build.sh

test-containers: $(STAMP) ## the image, and the pipeline in it beside three other ways of running it (10 minutes, root)
	@$(BIN)/pytest tests/containers

# timm imports torchvision, which does not import beside the pinned torch: hence an environment of its own.
TIMM_VENV ?= .venv-timm
test-timm: ## the adapters of timm and torchvision, in $(TIMM_VENV) (a torch with its CUDA libraries: 5.5 GB, minutes)
	@[ -x $(TIMM_VENV)/bin/pytest ] || { $(firstword $(PYTHON)) -m venv $(TIMM_VENV) && \
	  $(TIMM_VENV)/bin/python -m pip install --no-input --progress-bar off timm torchvision pydantic pyyaml safetensors 'pytest>=9.0'; }
	$(TIMM_VENV)/bin/pytest -p no:cacheprovider -rs tests/unit/models/test_adapters.py

lint: $(STAMP) ## ruff, mypy --strict on dfpt/, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: $(STAMP) ## put the source into the one form that lint accepts
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean: ## remove .venv and the tools' caches (never .dfpt: the models are there)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
