#!/bin/sh
# Install the lowest releases that the base install allows, and nothing else, then import and run it.
# usage: lowest.sh PYTHON
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
"$work/venv/bin/uv" pip install --quiet --python "$work/venv/bin/python" --resolution lowest-direct .
"$work/venv/bin/uv" pip list --python "$work/venv/bin/python" --quiet
cd "$work"
"$work/venv/bin/python" -W error -c 'import imageway.sdk as sdk; sdk.Client, sdk.AsyncClient; print(sdk.__version__)'
"$work/venv/bin/imageway" --help >/dev/null
echo "lowest releases of the base install: import and --help work"
