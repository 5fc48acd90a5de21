# Python 3.11 or 3.12: the first command below that runs, or `make PYTHON=/path/to/python …`.
PYTHON ?= $(shell for python in python3.12 python3.11 python3 python; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
# As many processes as the smallest machine has cores; a file's tests share what it has trained.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

.PHONY: demo test test-fast lint format

demo: $(INSTALLED)
	$(BIN)/tag2mask demo --out demo

test: $(INSTALLED)
	$(PYTEST)

test-fast: $(INSTALLED)
	$(PYTEST) -m "not slow"

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A .venv that was left half made, or whose Python is gone, has no pip that runs: it is made anew.
$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || \
	{ echo "tag2mask needs Python 3.11 or 3.12: install one, or name it: make PYTHON=…" >&2; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -e '.[dev]' -c constraints.txt
	@touch $@
