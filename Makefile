.PHONY: test lint format demo lock
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
lock:
	scripts/lock
