# Python 3.11 to 3.13: the first command below that runs, or `make PYTHON=/path/to/python …`.
PYTHON ?= $(shell for python in python3.12 python3.11 python3.13 python3 python; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := .venv/bin
# Which extras .venv holds, for the versions of today's pyproject.toml and constraints.txt.
LABEL := .venv/.installed-label
DEV := .venv/.installed-dev
# As many processes as the smallest machine has cores; a file's tests share what it has trained.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast test-clients lint format

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(LABEL)  ## label generated images from start to end; the result is in demo/run
	$(BIN)/tag2mask demo --out demo

test: $(DEV)  ## run all tests but those of test-clients
	$(PYTEST) -m "not clients"

test-fast: $(DEV)  ## run the tests that take a few seconds each at most
	$(PYTEST) -m "not slow and not clients"

test-clients: $(DEV)  ## exports and losses read by other tools; installs them, some minutes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[mlflow,wandb]'
	$(BIN)/python -m pytest -m clients

lint: $(DEV)  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV)  ## fix style where that can be done by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# $(call install,EXTRA): a .venv that was left half made, or whose Python is gone, has no pip that
# runs: it is made from scratch.
define install
@test -n "$(PYTHON)" || \
	{ echo "tag2mask needs Python 3.11 to 3.13: install one, or name it: make PYTHON=…" >&2; exit 2; }
@$(BIN)/python -m pip --version >/dev/null 2>&1 || \
	{ echo "Making .venv with $(PYTHON)"; $(PYTHON) -m venv --clear .venv; }
@echo "Installing tag2mask[$(1)] into .venv: about 7 GB on disk, most of it PyTorch and CUDA"
$(BIN)/python -m pip install --disable-pip-version-check -e '.[$(1)]' -c constraints.txt
endef

$(LABEL): pyproject.toml constraints.txt
	$(call install,label)
	@touch $@

# dev holds label, so that `make demo` after `make test` installs nothing.
$(DEV): pyproject.toml constraints.txt
	$(call install,dev)
	@touch $(LABEL) $@
