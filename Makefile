# What a person types. Needs Python 3.11 or newer (with venv) and make, nothing else; everything goes into folders of this checkout.
#
#   make demo          restores and colors examples/ into out/ and makes out/contact-sheet.jpg (no torch is installed)
#   make check         sets up .venv with everything, then ruff, mypy, import-linter and the quick tests
#   make test          the same with every test: in a real browser, on a real Redis, with servers that are killed
#   make serve         the web page on this machine; HOST=0.0.0.0 for others in the network, PORT=8081 for another port
#   make docs          writes docs/reference/ anew
#   make constraints   pins what is installed in .venv (after a change of dependencies)
#   make clean         removes what the above made

PYTHON ?= python3
# Three workers on two cores, because many tests wait for servers and children of theirs (in all about 4 GB). One: make test WORKERS=0
WORKERS ?= 3
# Such as PYTEST_ARGS='-k restore', or PYTEST_ARGS=--full-size: long tests take hundreds of photographs.
PYTEST_ARGS ?=
HOST ?= 127.0.0.1
PORT ?= 8080

PIP_FLAGS := --quiet --disable-pip-version-check --constraint constraints.txt
EXAMPLES := $(wildcard examples/*.jpg)
SOURCES := $(shell find src/unfade -type f -not -name '*.pyc')

.PHONY: demo check test lint types serve docs constraints clean
.DELETE_ON_ERROR:

SETTING_UP = @echo "setting up $(@D): a minute or two, and only the first time"

# A stamp is younger than what it was made from, or the environment is set up again (pip then changes only what differs).
.venv-demo/.installed: pyproject.toml constraints.txt
	$(SETTING_UP)
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/python -m pip install $(PIP_FLAGS) --editable .
	touch $@

.venv-serve/.installed: pyproject.toml constraints.txt
	$(SETTING_UP)
	$(PYTHON) -m venv .venv-serve
	.venv-serve/bin/python -m pip install $(PIP_FLAGS) --editable '.[web]'
	touch $@

.venv/.installed: pyproject.toml constraints.txt
	$(SETTING_UP)
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install $(PIP_FLAGS) --editable '.[dev]'
	touch $@

out/contact-sheet.jpg: .venv-demo/.installed $(EXAMPLES) $(SOURCES)
	mkdir -p out
	.venv-demo/bin/unfade restore --colorize $(EXAMPLES) -o out --sheet $@ --report out/report.json --overwrite

demo: out/contact-sheet.jpg
	@echo "before | after: out/contact-sheet.jpg; the photographs and report.json lie beside it in out/"

lint: .venv/.installed
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	@$(MAKE) --no-print-directory types

node_modules/.installed: package.json package-lock.json
	npm ci --silent
	touch $@

# The page's JavaScript, for types; it needs no build. Without npm this check is left out, and that is said.
types:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory node_modules/.installed && npm run --silent types; \
	else echo "types: the page's JavaScript was not checked: npm is not installed"; fi

# A worker that has no more of its own takes over from the others.
PYTEST := .venv/bin/pytest -n $(WORKERS) --dist worksteal

check: lint
	$(PYTEST) -m "not long and not alone" $(PYTEST_ARGS)

# What measures time or memory, and stories that go on where another ended, come last, one test at a time. (5:
# PYTEST_ARGS chose none of these.) A busy machine may upset a browser or a clock: what fails is tried twice more,
# and pytest says how often.
RERUNS := --reruns 2
test: lint
	$(PYTEST) -m "not alone" $(RERUNS) $(PYTEST_ARGS)
	.venv/bin/pytest -m alone $(RERUNS) $(PYTEST_ARGS) || [ $$? -eq 5 ]

serve: .venv-serve/.installed
	.venv-serve/bin/unfade serve --host $(HOST) --port $(PORT)

docs: .venv/.installed
	.venv/bin/python docs/generate.py

# No local version (+cpu) and no address: the same line must do on every machine.
constraints: .venv/.installed
	( echo "# Every version that 'make test' was last run with. Written by 'make constraints'."; \
	  .venv/bin/python -m pip list --format=freeze --exclude-editable --exclude pip --exclude setuptools --exclude unfade \
	  | sed -E 's/\+[^+]*$$//' ) > constraints.txt
	touch .venv/.installed

clean:
	rm -rf .venv .venv-demo .venv-serve out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis node_modules
