# Everything installs itself into .venv; the first run of a target takes a while, the next does not.
PYTHON ?= python3
VENV ?= .venv
# What is tested: the source tree, or a wheel (as .ci/run does).
INSTALL ?= --editable .
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-of

.PHONY: serve test check docs failures caniemail format bench bench-nodes fuzz clean

# The package with what `make serve` needs.
$(VENV)/.made: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet $(INSTALL)'[serve]'
	@touch $@

$(STAMP): $(VENV)/.made
	$(BIN)/python -m pip install --quiet --group test --group check
	@touch $(STAMP)

serve: $(VENV)/.made  ## catch mail on 127.0.0.1:1025 and print it
	@$(BIN)/smtptest serve $(ARGS)

test: $(STAMP)  ## the tests, with their coverage
	$(BIN)/python tests/run.py

docs: $(STAMP)  ## run every example of README.md, docs/ and the docstrings
	$(BIN)/python -m pytest -q tests/test_manual_page.py tests/examples tests/plugin/test_pages.py

failures: $(STAMP)  ## write docs/failures.md anew, by failing
	$(BIN)/python tests/failures/page.py --write

caniemail:  ## write anew what mail programs support, out of the data of caniemail.com
	npm install --prefix .cache/caniemail --ignore-scripts --omit=dev caniemail@latest
	$(PYTHON) tools/caniemail.py .cache/caniemail/node_modules/caniemail/data/caniemail.json

check: $(STAMP)  ## what a reviewer would otherwise have to look for
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tests/verify_types.py

format: $(STAMP)
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

bench: $(STAMP)  ## measure against peers; takes some minutes
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m bench

bench-nodes: $(STAMP)  ## measure nodes that share a PostgreSQL, for docs/scaling.md; takes some minutes
	$(BIN)/python -m bench.nodes

fuzz: $(STAMP)  ## coverage-guided fuzzing of the protocol and of the reader of mails, for half of FUZZ_SECONDS each
	$(BIN)/python -m pip install --quiet "atheris>=3"
	$(BIN)/python tests/fuzz/session.py -max_total_time=$$(($(or $(FUZZ_SECONDS),60) / 2))
	$(BIN)/python tests/fuzz/mail.py -max_len=2000 -max_total_time=$$(($(or $(FUZZ_SECONDS),60) / 2))

clean:
	rm -rf .venv .venv-* .cache .mypy_cache .ruff_cache .pytest_cache dist .coverage*
