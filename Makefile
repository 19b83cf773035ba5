# From a fresh clone, one command: `make p02`, `make test` or `make docs`. Each sets up .venv first.
# CONTRIBUTING.md says how a day's work goes.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ENV    ?= Pendulum-v1

# Tests share the cores: each takes one
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup p01 p02 p03 gallery student ablation bench promises scale load \
        lint test rehearse lib readme docs distclean
help: ## Show the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(VENV)/.done ## Create .venv with everything pinned
$(VENV)/.done: settings.ini setup.py constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev,peers,all]'
	touch $@

p02: setup ## Execute the deliverable notebook on real data (ENV=CartPole-v1: into a folder of its own)
	$(BIN)/python tools/p02.py $(ENV)

p01: setup ## Train the bundled encoders again
	$(BIN)/python tools/run_nb.py nbs/p01_vae_encoder.ipynb

student: setup ## The student's notebook of P02, from the instructor's
	$(BIN)/python tools/student.py

p03: setup ## Plan in imagination, from nothing and with P02's model: about 8 minutes
	$(BIN)/python tools/run_nb.py nbs/p03_preview.ipynb

gallery: setup ## Two more environments from random actions to imagined pictures: half an hour on two cores
	$(BIN)/python tools/run_nb.py nbs/gallery.ipynb

ablation: setup ## PlaNet's ablation: a hundred trials, resumed where they were interrupted
	$(BIN)/python tools/run_nb.py nbs/p02b_planet_ablation.ipynb

promises: setup ## Inject faults by the thousand, and say what became of them: about ten minutes
	$(BIN)/python tools/run_nb.py nbs/reports/promises.ipynb

scale: setup ## Measure rates, and what 10^8 frames would take
	$(BIN)/python tools/run_nb.py nbs/reports/scale.ipynb

bench: setup ## Measure speed again (peers are timed where they can be imported)
	$(BIN)/python tools/run_nb.py nbs/reports/benchmarks.ipynb

load: setup ## Memory under load: 200,000 frames, and 50 models in one process: ten to twenty minutes
	$(BIN)/python tools/run_nb.py nbs/reports/load.ipynb

lint: setup ## Style, one statement a line, layers of imports
	$(BIN)/python tools/lint.py

test: lint ## Style, export, notebooks, unit, property and packaging tests: five minutes on two cores
	$(BIN)/python tools/check_nbs.py
	OMP_NUM_THREADS=1 $(BIN)/nbdev_test --n_workers 2 --do_print --timing
	$(PYTEST) -m 'not rehearsal' tests

rehearse: setup ## Whole notebooks at rehearsal size, long fuzz and kill tests: fifteen minutes more
	$(PYTEST) -m rehearsal tests

lib: setup ## Export the notebooks to the package, clean them
	$(BIN)/nbdev_export
	$(BIN)/python tools/clean_nbs.py

readme: setup ## README.md from nbs/index.ipynb
	$(BIN)/python tools/readme.py

docs: setup ## The website in _docs: with Quarto if it is installed, else in pure Python
	if command -v quarto >/dev/null; then PATH="$(CURDIR)/$(BIN):$$PATH" nbdev_docs; else $(BIN)/python tools/docs.py; fi

distclean: ## Remove what is built
	rm -rf _proc _docs build dist *.egg-info $(VENV)
