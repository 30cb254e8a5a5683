# make run     set up, then the nightly job on the embedded simulator with a short load test
# make test    set up, then every test: machinery, mutation matrix, load, browser, packaging
# make search  set up, then look for counterexamples at length: properties and state machines
# make fuzz    set up, then give every reader what nobody wrote: 10 minutes (FUZZ_SECONDS for each)
# make mutate  set up, then change the pure heart and see that tests notice: half an hour
# make check   set up, then everything that must be green besides the tests
# make lowest  in an environment of its own: the lowest versions that pyproject.toml allows, and tests
# make newest  the same with the newest versions there are, constraints.txt left out
# make package set up, then a wheel and an sdist in dist, checked, and a gate from the wheel alone
# make install set up only: .venv with the command in .venv/bin

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FUZZ_SECONDS ?= 60
MATRIX := tests/test_mutants.py tests/test_faults.py

# Compiled once, not at every start, whatever the shell says: all tests start Python hundreds of times.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install run test search fuzz mutate check quick format lowest newest package clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kimi-conformance needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,package]' -c constraints.txt
	touch $(STAMP)

run: install
	$(BIN)/kimi-conformance nightly --lane simulator

quick: install
	$(BIN)/python -m pytest

# The mutation matrix takes processors; the other heavy tests mostly wait, for servers, clients and
# the time that a load takes: side by side, and those file by file in two processes, they take half.
test: install
	@$(BIN)/python -m pytest -m "" $(MATRIX) >$(VENV)/matrix.log 2>&1 & matrix=$$!; \
	trap 'kill $$matrix' INT TERM; \
	$(BIN)/python -m pytest -m "" -n 2 --dist loadfile --no-loadscope-reorder \
		$(MATRIX:%=--ignore=%); others=$$?; \
	wait $$matrix; mutants=$$?; \
	cat $(VENV)/matrix.log; \
	exit $$((others | mutants))

search: install
	$(BIN)/python -m pytest -c conformance/pytest.ini --rootdir conformance conformance/adapter \
		-p no:locust -q --kimi-lane=simulator --kimi-search=nightly --kimi-time-limit=600
	$(BIN)/python -m pytest -m "hypothesis and not heavy" --hypothesis-profile=nightly --ignore=tests/fuzzing

# Guided by coverage where atheris can be installed; it has no wheel for every Python.
fuzz: install
	-$(BIN)/python -m pip install --quiet --disable-pip-version-check atheris -c constraints.txt
	$(BIN)/python -m tests.fuzzing.guided --seconds $(FUZZ_SECONDS)
	$(BIN)/python -m pytest tests/fuzzing --hypothesis-profile=nightly

mutate: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,mutation]' -c constraints.txt
	rm -rf mutants
	$(BIN)/mutmut run >$(VENV)/mutmut.log || { tail -n 40 $(VENV)/mutmut.log; exit 1; }
	$(BIN)/python -m tests.mutation.coverage
	$(BIN)/python -m tests.mutation.judge

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/kimi-conformance scan cassettes fixtures
	$(BIN)/kimi-conformance record --check
	$(BIN)/kimi-conformance gate

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# uv, because pip knows no lowest versions; it makes nothing but these two environments. Nothing is
# compiled: on a later Python the lowest versions are those that have a wheel for it.
lowest: RESOLUTION := lowest-direct
newest: RESOLUTION := highest
lowest newest:
	$(PYTHON) -m venv --clear $(VENV)-$@
	$(VENV)-$@/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(VENV)-$@/bin/uv pip install --quiet --python $(VENV)-$@/bin/python \
		--only-binary :all: --no-binary kimi-conformance \
		--resolution $(RESOLUTION) -e '.[dev,parquet]'
	test $@ = newest || $(VENV)-$@/bin/python tests/bounds.py
	$(VENV)-$@/bin/python -m pytest
	$(VENV)-$@/bin/kimi-conformance gate --out reports/out/$@

package: install
	rm -rf dist $(VENV)-package
	$(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	$(PYTHON) -m venv $(VENV)-package
	$(VENV)-package/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl
	cd "$$(mktemp -d)" && $(CURDIR)/$(VENV)-package/bin/kimi-conformance gate --out out

clean:
	rm -rf $(VENV) $(VENV)-* build dist mutants .fuzz reports/out .mypy_cache .ruff_cache .pytest_cache .hypothesis
