# Targets install what they need into .venv; the first run takes about a minute longer.
PYTHON ?= python3
VENV ?= .venv
# What to test: the source tree, or a wheel (.ci/run).
INSTALL ?= --editable .
BIN := $(VENV)/bin
# One worker for each processor, at most four. Tests of one group share a worker, and with it an expensive fixture.
PYTEST := $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadgroup
STAMP := $(VENV)/.made-of
DOCS_STAMP := $(VENV)/.made-docs
SITE ?= site
# What builds and checks a release, in an environment of its own: .ci/run sets VENV to others.
RELEASE_VENV := .cache/release
RELEASE_BIN := $(RELEASE_VENV)/bin
NODE_BIN := .cache/node/node_modules/.bin
.DEFAULT_GOAL := help

.PHONY: help serve test test-all coverage lint check check-javascript docs linkcheck examples diagrams pages failures grades screenshots changelog changelog-build release-env release-check release-test release-tag release-notes image-check caniemail format bench bench-nodes bench-store bench-ui fuzz soak clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 19

# The package with what `make serve` needs.
$(VENV)/.made: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet $(INSTALL)'[full]'
	@touch $@

$(STAMP): $(VENV)/.made
	$(BIN)/python -m pip install --quiet --group test --group check
	@touch $(STAMP)

$(DOCS_STAMP): $(VENV)/.made
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

serve: $(VENV)/.made  ## catch mail on 127.0.0.1:1025 and print it (options: ARGS=...)
	@$(BIN)/smtptest serve $(ARGS)

test: $(STAMP)  ## run the tests that take at most a second each; about 8 minutes on two cores
	$(PYTEST) -m "not slow" $(ARGS)

test-all: $(STAMP)  ## run all tests, including the slow ones; about 14 minutes on two cores
	$(PYTEST) --thorough $(ARGS)

coverage: $(STAMP)  ## run all tests and check coverage; about 17 minutes on two cores
	$(BIN)/python tests/check_coverage.py

# A complete and checked site takes the place of the earlier one, which can be read until then.
docs: $(DOCS_STAMP)  ## build the documentation site into site/, and check its links; about 1 minute
	rm -rf .cache/site-new .cache/site-earlier
	$(BIN)/python -m sphinx -q -W --keep-going -b html -d .cache/doctrees docs .cache/site-new
	$(BIN)/python -m tools.docs_site.link_check .cache/site-new
	if [ -e $(SITE) ]; then mv $(SITE) .cache/site-earlier; fi
	mv .cache/site-new $(SITE)
	rm -rf .cache/site-earlier

linkcheck: $(DOCS_STAMP)  ## check the links of the documentation to other servers (needs the Internet)
	$(BIN)/python -m sphinx -q -b linkcheck -d .cache/doctrees docs .cache/linkcheck

examples: $(STAMP)  ## run every example of README.md, docs/ and the docstrings
	$(BIN)/python -m pytest -q tests/test_manual_page.py tests/examples tests/plugin/test_pages.py

diagrams: $(STAMP)  ## draw the diagrams of the documentation (needs npm and Chromium)
	npm install --silent --no-audit --no-fund --ignore-scripts --prefix .cache/mermaid mermaid@11
	$(BIN)/python tools/render_diagrams.py .cache/mermaid/node_modules/mermaid/dist/mermaid.min.js

pages: $(STAMP)  ## update the generated parts of the documentation
	$(BIN)/python tools/room_map.py --write
	$(BIN)/python tools/states.py --write
	$(BIN)/python tools/behaviors.py --write
	$(BIN)/python tools/public_interface.py --write
	$(BIN)/python tools/rest_reference.py --write
	$(BIN)/python tools/review_rules.py --write
	$(BIN)/python tests/cli/render_reference.py --write
	$(BIN)/python tests/failures/render_page.py --write

failures: $(STAMP)  ## write docs/reference/failures.md from real failures
	$(BIN)/python tests/failures/render_page.py --write

grades: $(STAMP)  ## grade the installed mail clients, and write docs/reference/grades.md (ARGS=--client NAME); about 10 minutes
	$(BIN)/python -m tools.grades $(ARGS)

screenshots: $(STAMP)  ## take all pictures of the documentation: terminals, and the web inbox (needs Chromium)
	$(BIN)/python -m tests.docs.render_terminal_pictures
	$(BIN)/python -m tests.ui.render_pictures

$(RELEASE_VENV)/.made: pyproject.toml
	$(PYTHON) -m venv $(RELEASE_VENV)
	$(RELEASE_BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(RELEASE_BIN)/python -m pip install --quiet --group release
	@touch $@

release-env: $(RELEASE_VENV)/.made  ## install what builds, checks and tests a release

changelog: $(RELEASE_VENV)/.made  ## show the changelog of the next release
	$(RELEASE_BIN)/towncrier build --draft --version next

changelog-build: $(RELEASE_VENV)/.made  ## move the fragments of changelog.d into CHANGELOG.md: VERSION=3.1.0
	@test -n "$(VERSION)" || { echo "set the version: make $@ VERSION=3.1.0" >&2; exit 1; }
	$(RELEASE_BIN)/towncrier build --yes --version "$(VERSION)"

release-check: $(RELEASE_VENV)/.made  ## build the sdist and the wheel into dist/ twice, compare and check them
	$(RELEASE_BIN)/python tools/release.py check $(ARGS)

release-test: $(STAMP) $(RELEASE_VENV)/.made  ## test the wheel in dist/: install it, and run README.md with it
	SMTPTEST_WHEEL="$$(ls "$(CURDIR)"/dist/*.whl)" $(PYTEST) tests/test_packaging.py tests/test_installed_wheel.py tests/test_release.py $(ARGS)

release-tag: $(RELEASE_VENV)/.made  ## check that the version and the changelog belong to a tag: TAG=v3.1.0
	@test -n "$(TAG)" || { echo "set the tag: make $@ TAG=v3.1.0" >&2; exit 1; }
	$(RELEASE_BIN)/python tools/release.py tag "$(TAG)"

release-notes: $(RELEASE_VENV)/.made  ## write the changelog section of this version into .cache/release-notes.md
	@mkdir -p .cache
	$(RELEASE_BIN)/python tools/release.py notes > .cache/release-notes.md

image-check: $(STAMP)  ## build the container image with Podman, and test it: ARGS=--debian without a registry (as root)
	PYTHON=$(BIN)/python tools/check_image.sh $(ARGS)

caniemail:  ## update the table of what mail clients support, from the data of caniemail.com
	npm install --prefix .cache/caniemail --ignore-scripts --omit=dev caniemail@latest
	$(PYTHON) tools/caniemail.py .cache/caniemail/node_modules/caniemail/data/caniemail.json

lint: $(STAMP)  ## check format and lint, in seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

check: lint check-javascript  ## check format, lint, spelling and types; about 1 minute
	$(BIN)/codespell
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/mypy
	$(BIN)/python tests/verify_types.py
	$(BIN)/python tests/verify_page_types.py

# TypeScript checks the JSDoc types of the web inbox; it writes nothing, and nothing of npm is in the package.
check-javascript:  ## check the types of the web inbox (needs npm)
	@command -v npm >/dev/null || { echo "npm is not installed: the JavaScript of the web inbox is not checked" >&2; exit 1; }
	@[ -x $(NODE_BIN)/tsc ] || npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps --prefix .cache/node typescript@5
	$(NODE_BIN)/tsc -p src/lazr/smtptest/web/ui/jsconfig.json

format: $(STAMP)  ## format the code and fix what ruff can fix
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

bench: $(STAMP)  ## measure speed against other servers; options: ARGS="--rows REGEX"; about 10 minutes
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python -m bench $(ARGS)

bench-nodes: $(STAMP)  ## measure several nodes on one PostgreSQL; about 10 minutes
	$(BIN)/python -m bench.nodes

bench-store: $(STAMP)  ## measure the store behind serve at any size; options: ARGS="--against PATH"; about 15 minutes
	$(BIN)/python -m bench.store $(ARGS)

bench-ui: $(STAMP)  ## measure the web inbox with 100,000 mails in Chromium; options: ARGS="--mails 1000"; about 5 minutes
	$(BIN)/python -m bench.ui $(ARGS)

fuzz: $(STAMP)  ## fuzz the protocol and the mail parser for FUZZ_SECONDS (default 60)
	$(BIN)/python -m pip install --quiet "atheris>=3"
	$(BIN)/python tests/fuzz/session.py -max_total_time=$$(($(or $(FUZZ_SECONDS),60) / 5))
	$(BIN)/python tests/fuzz/imap_commands.py -max_total_time=$$(($(or $(FUZZ_SECONDS),60) / 5))
	PYTHONPATH=. $(BIN)/python tests/fuzz/imap.py -max_total_time=$$(($(or $(FUZZ_SECONDS),60) / 5))
	PYTHONPATH=. $(BIN)/python tests/fuzz/pop3.py -max_total_time=$$(($(or $(FUZZ_SECONDS),60) / 5))
	$(BIN)/python tests/fuzz/mail.py -max_len=2000 -max_total_time=$$(($(or $(FUZZ_SECONDS),60) / 5))

soak: $(STAMP)  ## put a server under mixed load and look for growth, for SOAK_MINUTES (default 10)
	$(BIN)/python -m tests.net.soak --minutes $(or $(SOAK_MINUTES),10) $(ARGS)

clean:  ## remove environments, caches and builds
	rm -rf .venv .venv-* .cache site docs/reference/python .mypy_cache .ruff_cache .pytest_cache dist .coverage*
