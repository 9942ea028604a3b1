# The README's two commands are `make demo` and `make test`; both make .venv first.
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))
PYTHON ?= $(shell for python in python3 python3.12 python3.11; do \
	$$python -c '$(FITS)' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
# What the environment is made from: it is made anew when one of these changes.
RECIPE := pyproject.toml constraints.txt

.PHONY: demo test bench lint types contracts unit kills soak workers keys clean

demo: .venv/installed
	rm -rf demo
	$(BIN)/kryptui demo demo

test: lint types contracts unit

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed
	$(BIN)/mypy

contracts: .venv/installed
	$(BIN)/lint-imports

unit: .venv/installed
	$(BIN)/pytest -n auto --dist loadfile

bench: .venv/installed .venv/bench .venv/peers/installed
	$(BIN)/python -m benchmarks

.venv/installed: $(RECIPE)
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(FITS)' \
	  || { echo "kryptui needs Python 3.11 or 3.12: make PYTHON=/path/to/python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

.venv/bench: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@

# What the record is measured against, in an environment of its own: its pins would disturb ours.
.venv/peers/installed: benchmarks/peers.txt | .venv/installed
	test -x .venv/peers/bin/python || $(BIN)/python -m venv .venv/peers
	.venv/peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt
	touch $@

# A run killed at 20 random moments, in each precision: several minutes, so not part of `make test`.
kills: .venv/installed
	KRYPTUI_KILLS=20 $(BIN)/pytest -s tests/test_kills.py

# Training runs, readers and commands on one record: three minutes on SQLite, one on a real PostgreSQL.
soak: .venv/installed
	$(BIN)/python -m benchmarks.soak

# Three workers on a queue of 30 runs, one of them killed in the middle: a minute.
workers: .venv/installed
	KRYPTUI_QUEUED_RUNS=30 $(BIN)/pytest -s tests/test_workers_program.py

# 40,000 random keys over all screens: five minutes.
keys: .venv/installed
	KRYPTUI_KEY_SEEDS=8 $(BIN)/pytest -s tests/test_tui_random_keys.py

clean:
	rm -rf .venv demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
