#!/bin/sh
# Wheel, sdist, the licences of everything that a full install brings, and a CycloneDX SBOM of it.
set -eu
rm -rf dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python -m venv "$work/tools"
"$work/tools/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
"$work/tools/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group dist
"$work/tools/bin/python" -m build --outdir dist .
python -m venv "$work/clean"
"$work/clean/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
    "$(ls dist/*.whl)[all]"
"$work/tools/bin/pip-licenses" --python "$work/clean/bin/python" --format=markdown --with-urls --order=license \
    --ignore-packages pip setuptools >dist/LICENCES.md
"$work/tools/bin/cyclonedx-py" environment --of JSON --output-reproducible -o dist/sbom.cdx.json "$work/clean/bin/python"
ls -1 dist
