#!/usr/bin/env bash
# Builds the Dockerfile with buildah as localhost/imageway-gateway:test, as root and without a Docker engine.
# The base is what PYTHON_IMAGE names (pulled); without it, Debian 13's own Python stands in for python:3.13-slim, for
# machines that reach Debian's and PyPI's mirrors and no registry of images.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/image/storage.sh
for program in buildah mmdebstrap; do
    command -v "$program" >/dev/null || { echo "needs: apt-get install --no-install-recommends buildah mmdebstrap ca-certificates" >&2; exit 2; }
done
base=${PYTHON_IMAGE:-docker.io/library/python:3.13-slim}
pull=(--pull)
if [ -z "${PYTHON_IMAGE:-}" ]; then
    pull=(--pull-never)
    if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
        echo "== a base that stands in for $base"
        scratch=$(mktemp -d "$cache/base.XXXXXX")
        trap 'rm -rf "$scratch"' EXIT
        nice mmdebstrap --quiet --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip trixie "$scratch/root.tar"
        container=$(buildah from scratch)
        buildah add --quiet "$container" "$scratch/root.tar" / >/dev/null
        buildah run --isolation chroot "$container" -- sh -c 'ln -sf python3 /usr/bin/python; rm -f /usr/lib/python3*/EXTERNALLY-MANAGED'
        buildah config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin --cmd python3 "$container"
        buildah commit --quiet --rm "$container" "$base" >/dev/null
    fi
fi
# The build talks to PyPI by way of what this machine trusts; neither file stays in the image.
printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$cache/pip.conf"
trusted=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
echo "== building the image"
nice buildah bud --isolation chroot --network host "${pull[@]}" --layers --format docker \
    --build-arg "PYTHON_IMAGE=$base" --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
    --volume "$trusted:/etc/ssl/certs/ca-certificates.crt:ro" --volume "$cache/pip.conf:/etc/pip.conf:ro" \
    --tag localhost/imageway-gateway:test .
