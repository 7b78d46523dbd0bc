# Two commands: `make demo` shows the whole main job, `make test` proves it. `make fast`: the tests of two minutes, on SQLite.
# Debian's own Python is built with profile and link-time optimisation; many others are not, and take a seventh more of the processor.
PYTHON ?= $(shell /usr/bin/python3 -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && \
	echo /usr/bin/python3 || echo python3)
VENV   := .venv
BIN    := $(VENV)/bin
FAST   := $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

.PHONY: install install-test demo test fast lint types bench lock clean

install: $(VENV)/.installed

$(VENV)/.installed: requirements/run.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	$(BIN)/python -m compileall -q core crypto directory mail record instant portal ops
	@touch $@

install-test: install $(VENV)/.installed-test

$(VENV)/.installed-test: requirements/dev.txt tests/support/apt.sh
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	sh tests/support/apt.sh
	@touch $@

demo: install
	$(BIN)/pli demo

# The slow set runs even when the fast one has a failure: one run tells all. Without root it leaves out what needs root.
test: install-test lint types
	@slow=slow; test "$$(id -u)" = 0 || { slow="slow and not root"; \
	echo "not root: without Postfix and Dovecot as other operators, and without the full disk (pytest -m root)"; }; \
	fast=0; $(FAST) || fast=$$?; \
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "$$slow" && exit $$fast

fast: install-test
	$(FAST)

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-test
	$(BIN)/mypy core crypto directory mail record instant portal ops

bench: install-test
	$(BIN)/python tests/bench/smtp.py

lock:
	uv pip compile pyproject.toml --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 -q -o requirements/run.txt
	uv pip compile pyproject.toml --extra dev --extra ocr --extra workers --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 -q -o requirements/dev.txt

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache
