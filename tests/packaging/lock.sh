#!/bin/sh
# Write constraints.txt: the exact releases that CI and `make` install, for every supported Python on every platform.
# usage: lock.sh PYTHON
set -eu
command -v uv >/dev/null 2>&1 || { echo "make lock needs uv: pip install uv" >&2; exit 2; }
uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
    --extra all --group dev --group dist pyproject.toml --output-file constraints.txt
