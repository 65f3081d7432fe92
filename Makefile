.PHONY: test lint format demo bench bench-peers fuzz lock
test:
	scripts/test
lint:
	scripts/setup test
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
format:
	scripts/setup test
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .
demo:
	scripts/demo
bench:
	scripts/setup run
	.venv/bin/mpcnet bench $(ARGS)
bench-peers:
	scripts/setup bench
	.venv/bin/mpcnet bench --peers $(ARGS)
fuzz:
	scripts/setup test
	.venv/bin/python -m pip install --quiet --disable-pip-version-check "atheris>=2.3"
	.venv/bin/python -m tests.fuzz $(ARGS)
lock:
	scripts/lock
