# Every target sets up what it needs; on a fresh machine with Python 3.11, `make lab` is all there is to type.
.PHONY: env lab test demo bench picture chromium clean

PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python

# Tests of these rooms compute by themselves, so two of them go side by side. All others start
# workers, kernels or browsers, which want the second core.
SINGLE := $(addprefix tests/,accounting attacks auditing dpsgd figures house imaging models)
OTHERS := $(filter-out $(SINGLE),$(patsubst %/,%,$(wildcard tests/*/)))

env: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or say 'make PYTHON=/path/to/python3.11 ...'."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

lab: env
	$(RUN) -m workbench lab

demo: env
	$(RUN) -m workbench demo

test: $(VENV)/.ready-dev chromium
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m workbench audit every
	$(RUN) -m pytest --numprocesses 2 --dist loadfile $(SINGLE)
	$(RUN) -m pytest $(OTHERS)

bench: env
	$(RUN) -m benchmarks

# The picture in the README, made from a real panel in a real browser.
picture: $(VENV)/.ready-dev chromium
	$(RUN) tests/browser/picture.py docs/workbench.png

# The browser tests need Debian's chromium; where it may not be installed, they say so themselves.
chromium:
	@command -v chromium >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && apt-get install -y -qq chromium fonts-dejavu-core >/dev/null; \
	else \
	  echo "Browser tests need chromium: install it with 'sudo apt-get install chromium' (or your system's way)."; \
	fi

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
