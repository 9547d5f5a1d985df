#!/bin/sh
# Make the virtual environment that `make demo` and `make test` use: bare Python and pip are enough, uv is faster.
# usage: bootstrap.sh PYTHON VENV
set -eu
python=$1
venv=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || {
    echo "imageway needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1 || echo 'not there')." >&2
    echo "Name another one: make PYTHON=python3.12 ..." >&2
    exit 2
}
echo "Making the virtual environment $venv (once; a minute at most) ..." >&2
if command -v uv >/dev/null 2>&1; then
    [ -x "$venv/bin/python" ] || uv venv --quiet --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" --constraint constraints.txt --editable '.[all]' --group dev
else
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
        --editable '.[all]' --group dev
fi
