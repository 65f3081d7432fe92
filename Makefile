.PHONY: test lint format demo bench lock
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
lock:
	scripts/lock
