# shellcheck shell=bash
# Sourced: containers' storage of our own in the cache, so that nothing of the machine's own images is seen or replaced.
# An image under the name of Docker Hub's python:3.13-slim that isn't from there must not end in anybody's real store.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/imageway-cluster
mkdir -p "$cache"
if [ ! -f "$cache/storage.conf" ]; then
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$cache/containers" "/run/imageway-containers" \
        >"$cache/storage.conf"
fi
export CONTAINERS_STORAGE_CONF=$cache/storage.conf
