#!/usr/bin/env bash
# Puts every set of values of the tests to checkov's policies for Kubernetes. `make chart-policies` runs this.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(python3 tests/deployment_tools.py)
checkov=$tools/../checkov
if [ ! -x "$checkov/bin/checkov" ]; then
    echo "== checkov (200 MB, once)"
    python3 -m venv "$checkov"
    "$checkov/bin/python" -m pip install --quiet --disable-pip-version-check checkov==3.3.30
fi
manifests=$(mktemp -d)
trap 'rm -rf "$manifests"' EXIT
for values in tests/helm/values/*.yaml; do
    "$tools/helm" template images helm/imageway --namespace draw --values "$values" \
        --set test.enabled=false >"$manifests/$(basename "$values")"
done
# Left out, and why:
#   CKV_K8S_21  the namespace is the release's; manifests name none
#   CKV_K8S_15  IfNotPresent, for tags that don't move; image.pullPolicy says otherwise
#   CKV_K8S_43  digests are for whoever installs: image.digest
#   CKV_K8S_35  variables are one of two ways; secretFiles is the other
#   CKV2_K8S_6  one set of values turns the network policy off on purpose
exec "$checkov/bin/checkov" --directory "$manifests" --framework kubernetes --skip-download --quiet --compact \
    --skip-check CKV_K8S_21,CKV_K8S_15,CKV_K8S_43,CKV_K8S_35,CKV2_K8S_6
