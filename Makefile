# make app    opens the darkroom in the browser: the picture on film while you choose
# make demo   develops sample pictures into demo/
# make test   runs the test suite, a worker on each core; make test ARGS="-m 'not slow and not long'" what is quick of it
# make test-all   runs what takes minutes too: every stock in both engines, all of the darkroom's page, memory after many previews
# make test-ray   installs Ray and runs the tests that need it
# make lint   looks through the sources: ruff, mypy --strict
# make fuzz   damages files and requests for a long time, and tells what breaks; then 500 random looks by both engines of the CPU;
#             make fuzz COUNT=1000 LOOKS=50 for a shorter one
# make audit  asks, over the network, whether what is installed has published faults
#
# They set up an environment of their own in .venv. TORCH names the torch to install into it; any from 2.0 on will do.

PYTHON ?= $(shell command -v python3.11 || command -v python3.10 || command -v python3)
TORCH ?= torch==2.13.0
BIN := .venv/bin

.PHONY: app demo test test-all test-ray lint fuzz bench audit clean

app: .venv/.ready
	$(BIN)/filmlook app $(ARGS)

demo: .venv/.ready
	$(BIN)/python docs/demo.py demo

test: .venv/.ready
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not long" $(ARGS)

test-all: .venv/.ready
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

test-ray: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[ray]"
	$(BIN)/python -m pytest tests/test_batches.py tests/test_batches_ray.py $(ARGS)

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: .venv/.ready
	$(BIN)/python -m tests.fuzz.files --count $(or $(COUNT),40000)
	$(BIN)/python -m tests.fuzz.api --count $(or $(COUNT),100000)
	FILMLOOK_ENGINE=numba $(BIN)/python -m tests.fuzz.fused --count $(or $(LOOKS),500)

audit: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[audit]"
	$(BIN)/pip-audit --skip-editable

bench: .venv/.ready
	$(BIN)/python -m filmlook bench

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv demo
