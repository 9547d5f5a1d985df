#!/usr/bin/env bash
# The chart on a real single-node Kubernetes, built on this machine once and cached. `make cluster-test` runs this, as root.
set -euo pipefail
cd "$(dirname "$0")/../.."
for program in buildah containerd ctr runc etcd dnsmasq nsenter unshare ip iptables conntrack socat openssl; do
    PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || {
        echo "$program is missing; needed are: apt-get install --no-install-recommends buildah mmdebstrap containerd runc" \
            "containernetworking-plugins etcd-server dnsmasq-base iptables conntrack iproute2 socat openssl" >&2
        exit 2
    }
done
. tests/image/storage.sh
tests/cluster/build-kubernetes.sh "$cache"
tools=$(python3 tests/deployment_tools.py)
ln -sf "$tools/helm" "$tools/kubectl" "$cache/bin/"
tests/image/build.sh
if [ ! -f "$cache/pause.tar" ]; then
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$cache/bin/pause" /pause >/dev/null
    buildah config --entrypoint '["/pause"]' "$container"
    buildah commit --quiet --rm "$container" localhost/pause:1 >/dev/null
    buildah push --quiet localhost/pause:1 "docker-archive:$cache/pause.tar:localhost/pause:1"
fi
rm -f "$cache/image.tar"
buildah push --quiet localhost/imageway-gateway:test "docker-archive:$cache/image.tar:localhost/imageway-gateway:test"
exec .venv/bin/python tests/cluster/run.py "$cache" "$cache/image.tar" "$cache/pause.tar"
