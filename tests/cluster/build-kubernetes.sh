#!/usr/bin/env bash
# Builds the programs of a single Kubernetes node from Debian's source package, offline once that is fetched, into the
# cache. About 12 minutes of CPU, on one core, and 4 GB of scratch, once per machine; does nothing where they are there already.
# usage: build-kubernetes.sh CACHE
set -euo pipefail
cache=$1
bin=$cache/bin
programs="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy"
missing=""
for program in $programs pause; do [ -x "$bin/$program" ] || missing="$missing $program"; done
[ -n "$missing" ] || exit 0
echo "== building$missing"
command -v go gcc jq rsync apt-get >/dev/null || { echo "needs: apt-get install golang-go gcc libc6-dev make jq rsync dpkg-dev" >&2; exit 2; }
mkdir -p "$bin"
scratch=$(mktemp -d "$cache/build.XXXXXX")
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch"

# The source package comes from the machine's own Debian mirrors, by a source list of our own: the machine's stays as it is.
mkdir -p apt/lists/partial
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >apt/src.sources
apt_options=(-o "Dir::Etc::sourcelist=$scratch/apt/src.sources" -o "Dir::Etc::sourceparts=-" -o "Dir::State::lists=$scratch/apt/lists"
    -o APT::Sandbox::User=root)
apt-get "${apt_options[@]}" update -qq
apt-get "${apt_options[@]}" source -qq --download-only kubernetes
tar xzf kubernetes_*.orig.tar.gz
cd kubernetes-*/
mkdir -p .go/src/k8s.io
ln -sfn ../../.. .go/src/k8s.io/kubernetes
export GOPATH=$PWD/.go HOME=$scratch/home GOMAXPROCS=${GOMAXPROCS:-1}
build() { nice -n 19 make WHAT="$*" >"$scratch/make.log" 2>&1 || { tail -30 "$scratch/make.log" >&2; exit 1; }; }
CGO_ENABLED=0 build cmd/kube-apiserver cmd/kube-controller-manager cmd/kube-scheduler
build cmd/kubelet cmd/kube-proxy
for program in $programs; do install -m 0755 "_output/local/bin/linux/$(go env GOARCH)/$program" "$bin/"; done
gcc -Os -static -o "$bin/pause" build/pause/linux/pause.c
"$bin/kubelet" --version
