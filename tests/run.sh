#!/bin/sh
# Everything that a change must pass. `make test` and CI both run this.
set -eu
echo "== format and lint"; ruff format --check .; ruff check .
echo "== types"; mypy -p imageway.contract -p imageway.providers -p imageway.gateway -p imageway.sdk
(cd examples/provider-plugin && mypy)
echo "== import floors"; lint-imports --no-cache
echo "== tests"
# Tests start hundreds of processes. Each would compile all that it imports anew if nothing kept the bytecode.
unset PYTHONDONTWRITEBYTECODE
jobs=$(python -c 'import os; print(os.cpu_count() + 1)') # one more than cores: many tests wait for what they started
# Coverage is of what runs within the tests themselves. Measured, their processes would take twice as long.
python -m pytest -n "$jobs" --dist loadfile --cov "$@"
coverage report --include='*/imageway/contract/*' --fail-under=98
