#!/bin/sh
# Everything that a change must pass. `make test` and CI both run this.
set -eu
echo "== format and lint"; ruff format --check .; ruff check .
echo "== types"; mypy -p imageway.contract -p imageway.providers -p imageway.gateway -p imageway.sdk
(cd examples/provider-plugin && mypy)
echo "== import floors"; lint-imports --no-cache
echo "== tests"
rm -f .coverage .coverage.*
coverage run -m pytest "$@"
coverage combine -q
coverage report
coverage report --include='*/imageway/contract/*' --fail-under=98
