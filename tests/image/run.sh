#!/usr/bin/env bash
# Lints the Dockerfile, builds it and runs what came out as Kubernetes would. `make image-test` runs this.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(python3 tests/deployment_tools.py)
"$tools/hadolint" Dockerfile
"$tools/shellcheck" -x tests/image/*.sh tests/cluster/*.sh
tests/image/build.sh
. tests/image/storage.sh
.venv/bin/python -m pytest -q -p no:cacheprovider tests/image/image_checks.py
