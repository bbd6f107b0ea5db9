# make demo          install, generate a synthetic dataset, train DFER-CLIP, evaluate it, save plots
# make demo-emoclip  the same with EmoCLIP: trained on captions that never name an emotion
# make test          install, then formatting, lint, types and all tests
# make test-long     the tests with many more cases: kills, damaged files, resumed runs (an hour)
# make docs          install, then build the docs as a site in docs/_build
# make bench         install, then measure speed and memory; writes docs/performance.md
# make install
#
# VENV=PATH uses another environment. In an existing one only missing packages are installed.
# FRESH=1 makes the demo train again.

VENV ?= .venv
PYTHON ?= python3

PYTHON_IN_VENV := $(abspath $(VENV))/bin/python
MADE_HERE := $(VENV)/.dferclip_mm-made-here
REQUIREMENTS_DONE := $(VENV)/.dferclip_mm-requirements
PACKAGE_DONE := $(VENV)/.dferclip_mm-package
PACKAGED := $(shell find dferclip_mm configs tools -type f -not -name '*.pyc') model-index.yml setup.py

.PHONY: demo demo-emoclip test test-long docs bench install

demo: install
	PATH="$(abspath $(VENV))/bin:$$PATH" FRESH=$(FRESH) demo/run.sh

demo-emoclip: install
	PATH="$(abspath $(VENV))/bin:$$PATH" FRESH=$(FRESH) demo/run.sh demo_emoclip

# PYTHONPATH: the tests and the programs that they start import the source tree, not the installed
# copy, and the drawn faces from demo/.
test: install
	$(PYTHON_IN_VENV) -m ruff format --check .
	$(PYTHON_IN_VENV) -m ruff check .
	$(PYTHON_IN_VENV) -m mypy
	OMP_NUM_THREADS=1 PYTHONPATH="$(CURDIR):$(CURDIR)/demo" $(PYTHON_IN_VENV) -m pytest -n 2 --dist worksteal --cov=dferclip_mm --cov-branch --cov-fail-under=95

test-long: install
	DFERCLIP_MM_LONG=1 OMP_NUM_THREADS=1 PYTHONPATH="$(CURDIR):$(CURDIR)/demo" $(PYTHON_IN_VENV) -m pytest

docs: install
	$(PYTHON_IN_VENV) -m sphinx -W --keep-going -q -E docs docs/_build

bench: install
	OMP_NUM_THREADS=1 PYTHONPATH="$(CURDIR):$(CURDIR)/demo" $(PYTHON_IN_VENV) -m benchmarks

install: $(PACKAGE_DONE)

$(PYTHON_IN_VENV):
	@echo "creating the environment $(VENV)"
	$(PYTHON) -m venv $(VENV)
	@touch $(MADE_HERE)

$(REQUIREMENTS_DONE): requirements/constraints.txt requirements/install.py setup.py pyproject.toml | $(PYTHON_IN_VENV)
	@echo "installing into $(VENV): about 2 minutes the first time"
	@rm -rf build
	$(PYTHON_IN_VENV) requirements/install.py $(if $(wildcard $(MADE_HERE)),--exact)
	@touch $@

# mim cannot find editable installs, so the package is installed again after a change.
$(PACKAGE_DONE): $(REQUIREMENTS_DONE) $(PACKAGED)
	@rm -rf build
	$(PYTHON_IN_VENV) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall .
	@rm -rf build
	@touch $@
