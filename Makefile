# make run    sets up .venv, runs the main job (the bundled model on the probe tasks) and writes its report
# make test   sets up .venv and passes the tests (about 20 minutes on 2 cores)
# make test-full   the long crash, soak and simulation tests, and those with real servers (under 80 minutes)
# make servers   transformers serve, llama.cpp, vLLM for the CPU and LiteLLM for these, 5 GB in .venv-servers
# make docs   builds the pages of docs/ as a site that works without network: site/index.html
# make dist   builds wheel and source archive of this version into dist/, and checks what is in them
# make lint   ruff, mypy and the import layers alone
# make upgrade   takes the newest versions of everything but torch into constraints.txt; then make test
#
# PYTHON=python3.12 chooses the interpreter (3.11 or newer), JOBS=4 the test processes,
# PIP_FLAGS="--index-url ..." goes to pip.

SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check -qq install $(PIP_FLAGS) -c constraints.txt
CPUS := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
JOBS ?= $(shell test $(CPUS) -gt 4 && echo 4 || echo $(CPUS))
SETUP := pyproject.toml constraints.txt
TESTED := hf,metrics,math,anthropic,google,notebook,worker,web,ray,docs,test

.PHONY: run test test-full servers docs dist lint lint-style lint-format lint-types lint-layers setup upgrade clean
.DELETE_ON_ERROR:

run: $(VENV)/.installed
	$(VENV)/bin/hemm run
	$(VENV)/bin/hemm report results

setup: $(VENV)/.installed-test

# Bytecode is made here, also where PYTHONDONTWRITEBYTECODE is set: hundreds of tests start a process of hemm,
# which would compile the sources each time (0.4 of its 0.9 seconds).
COMPILE = $(VENV)/bin/python -m compileall -q src

# A failing check does not hide the tests: everything runs, and any failure fails.
test: $(VENV)/.installed-test
	@$(COMPILE)
	@status=0; $(MAKE) --no-print-directory --keep-going lint || status=2; \
		$(VENV)/bin/python -m pytest -n $(JOBS) || status=2; exit $$status

# The longest first; what shares a server stays in one process. Two processes a core: half of these tests
# wait for a server, a killed child or a fuzzer's clock.
test-full: $(VENV)/.installed-test servers
	@$(COMPILE)
	@$(PIP) -e '.[fuzz]' || echo "ATHERIS DOES NOT INSTALL HERE: readers are fuzzed by random changes" >&2
	$(VENV)/bin/python -m pytest -m full -n $$((2 * $(JOBS))) --dist loadgroup --timeout 4000

# A server that does not install here is told, and its tests are skipped.
servers: $(VENV)/.installed-test
	PIP_FLAGS="$(PIP_FLAGS)" $(VENV)/bin/python tools/servers.py .venv-servers

docs: $(VENV)/.installed-test
	$(VENV)/bin/python tools/docs_site.py

dist: $(VENV)/.installed-test
	$(VENV)/bin/python tools/release.py

lint: lint-style lint-format lint-types lint-layers

lint-style: $(VENV)/.installed-test
	$(VENV)/bin/ruff check .

lint-format: $(VENV)/.installed-test
	$(VENV)/bin/ruff format --check .

lint-types: $(VENV)/.installed-test
	$(VENV)/bin/mypy

lint-layers: $(VENV)/.installed-test
	$(VENV)/bin/lint-imports

# The fallback is for Pythons whose venv comes without pip (Debian's without python3-venv).
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "hemm needs Python 3.11 or newer: none found, set PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { $(PYTHON) -m venv --clear --without-pip $(VENV) && \
		$(PYTHON) -m pip --quiet --python $@ install pip; }

# torch first and alone, so that nothing after it has a say in which one it is.
$(VENV)/.installed: $(SETUP) | $(VENV)/bin/python
	@echo "installing torch, transformers and hemm into $(VENV) (the first time takes some minutes)"
	@$(PIP) "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	@$(PIP) -e '.[hf]'
	@touch $@

# torchvision for the processors that want it (Qwen-VL's); without its dependencies, so that torch stays.
$(VENV)/.installed-test: $(VENV)/.installed
	@echo "installing what the tests need"
	@$(PIP) -e '.[$(TESTED)]'
	@$(PIP) --no-deps torchvision
	@touch $@

upgrade: $(VENV)/.installed-test
	@grep -E '^(#|torch)' constraints.txt > constraints.new
	@$(VENV)/bin/python -m pip --disable-pip-version-check -qq install $(PIP_FLAGS) -c constraints.new \
		--upgrade --upgrade-strategy eager -e '.[$(TESTED)]'
	@$(VENV)/bin/python -m pip freeze --exclude-editable --exclude torch --exclude torchvision >> constraints.new
	@mv constraints.new constraints.txt && touch $(VENV)/.installed $(VENV)/.installed-test

clean:
	rm -rf $(VENV) .venv-servers build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
