# make run    the office with both operators and demo staff on http://127.0.0.1:8000
# make test   the whole suite on SQLite and, beside it, on PostgreSQL and Valkey
# make test-sqlite, make test-servers  one of the two
# make check  style, types, import rules, migrations, translations
# make lock   new lock files (ARGS=--upgrade for newer versions)
# make messages  new texts into the translation catalogues
# make bench-import  imports 100,000 people (PEOPLE=...) beside a plain COPY of the same rows
# make bench-destroy  an act of destruction for 20,000 people (SIZE=...) beside raw statements
# make prove  breaks each promise of docs/PROOFS.md once and sees its test fail
# make clean  removes what make made; data and secrets stay
#
# Each makes what it needs. PORT=8001 moves the office, ARGS="-k clock" goes to pytest.

# The first of these that is 3.11 or newer; name one yourself with PYTHON=...
PYTHON ?= python3 python3.13 python3.12 python3.11
PORT ?= 8000
ARGS ?=

BIN := .venv/bin
BOOTSTRAP = @python= ; for candidate in $(PYTHON); do \
	if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then python="$$candidate"; break; fi; done; \
	if [ -z "$$python" ]; \
	then echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=." >&2; exit 2; fi; \
	"$$python" .ci/bootstrap.py
LANGUAGES := --locale ru --locale kk
MESSAGES := $(BIN)/python manage.py makemessages $(LANGUAGES) --no-obsolete --no-wrap \
	--add-location file --ignore tests --ignore benchmarks --ignore var
COMPILE = --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet $(ARGS)

.PHONY: help .venv run test test-sqlite test-servers lock check messages bench-import bench-destroy prove clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^# make /make /p' Makefile

.venv: .venv/runtime.stamp

# The stamps say which lock file was installed last; make compares their times.
.venv/runtime.stamp: requirements.lock .ci/bootstrap.py
	$(BOOTSTRAP) .venv --lock requirements.lock
	@touch $@

# The lock of development holds every package of the other one, in the same version.
.venv/dev.stamp: requirements-dev.lock requirements.lock .ci/bootstrap.py
	$(BOOTSTRAP) .venv --lock requirements-dev.lock
	@touch .venv/runtime.stamp $@

run: .venv
	@$(BIN)/python manage.py run --port $(PORT)

# What touches no database runs once, on the side of SQLite.
# Side by side, each on a database, a broker and folders of its own; each prints when it has ended
# (make 3, as macOS has it, mixes their lines).
SYNC = $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)
test: .venv/dev.stamp
	@$(MAKE) --no-print-directory --jobs=2 --keep-going $(SYNC) BESIDE=--database-only \
		test-sqlite test-servers

test-sqlite: .venv/dev.stamp
	env -u TEST_DATABASE_URL -u TEST_REDIS_URL $(BIN)/python -m pytest $(ARGS)

test-servers: .venv/dev.stamp
	$(BIN)/python -m tests.servers $(BIN)/python -m pytest $(BESIDE) $(ARGS)

check: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m pytest tests/test_translations.py

# uv lives in an environment of its own: .venv holds what the lock files name, nothing else.
.venv-lock/stamp: .ci/bootstrap.py
	$(BOOTSTRAP) .venv-lock --package uv
	@touch $@

lock: export UV_CUSTOM_COMPILE_COMMAND = make lock
lock: .venv-lock/stamp
	.venv-lock/bin/uv pip compile $(COMPILE) --output-file requirements.lock pyproject.toml
	.venv-lock/bin/uv pip compile $(COMPILE) --constraints requirements.lock --group dev \
		--output-file requirements-dev.lock pyproject.toml

# Needs GNU gettext (xgettext, msgmerge).
messages: .venv
	$(MESSAGES)
	$(MESSAGES) --domain djangojs

bench-import: .venv/dev.stamp
	PEOPLE=$(or $(PEOPLE),100000) $(BIN)/python -m benchmarks.bench_import

bench-destroy: .venv/dev.stamp
	SIZE=$(or $(SIZE),20000) $(BIN)/python -m benchmarks.bench_destroy

prove: .venv/dev.stamp
	$(BIN)/python -m tests.prove $(ARGS)

# The data (var) and the secrets (.secrets) stay.
clean:
	rm -rf .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . \( -path ./.git -o -path ./var \) -prune -o -name __pycache__ -prune -exec rm -rf {} +
	find . \( -path ./.git -o -path ./var \) -prune -o -name '*.mo' -exec rm -f {} +
