.PHONY: test lint format demo bench bench-peers lock
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
lock:
	scripts/lock
