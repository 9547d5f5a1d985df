"""A real Kubernetes node of one machine: etcd, API server, controllers, scheduler, kubelet, kube-proxy, containerd.

It lives in namespaces of its own (network, mounts, processes): what it starts ends with it, what it mounts goes too,
and nothing outside can reach it or be reached by it. Needs root, and the programs that `run.sh` brings.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import yaml

ADDRESS = "10.199.0.1"
"""The node's, where its DNS answers too."""
_API = "https://127.0.0.1:16443"
_WRITTEN = ("/run", "/var/log", "/var/lib/kubelet", "/var/lib/cni")
_PODS = "10.198.0.0/24"
_SERVICES = "10.197.0.0/24"
_TUNABLES = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""What a kubelet sets for the whole machine, and is set back afterwards."""


class Node:
    """A running node; `run` runs a program in its namespaces."""

    def __init__(self, folder: Path, binaries: Path, holder: int) -> None:
        self.folder = folder
        self.binaries = binaries
        self.kubeconfig = folder / "kubeconfig"
        self.inside = ["nsenter", f"--target={holder}", "--net", "--mount", "--pid", "--"]
        self._hosts: dict[str, str] = {}
        self._dns: subprocess.Popen[bytes] | None = None

    def run(self, *command: str | Path, timeout: float = 120, check: bool = True) -> str:
        """What *command* says on standard output. Raises `RuntimeError` with all that it said where it fails."""
        whole = [*self.inside, "env", f"KUBECONFIG={self.kubeconfig}", f"HOME={self.folder}", *command]
        ran = subprocess.run(whole, capture_output=True, text=True, check=False, timeout=timeout)
        if check and ran.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}\n{ran.stdout}{ran.stderr}")
        return ran.stdout

    def start(self, name: str, *command: str | Path) -> subprocess.Popen[bytes]:
        """*command* in the background, what it says in a file under `log`."""
        log = (self.folder / "log" / f"{name}.log").open("ab")
        return subprocess.Popen([*self.inside, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def until(self, what: str, question: Callable[[], bool], *, within_s: float) -> None:
        """Wait until *question* is answered with yes; exceptions of commands count as no."""
        end = time.monotonic() + within_s
        while True:
            try:
                if question():
                    return
                last = ""
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                last = str(error)
            if time.monotonic() > end:
                raise TimeoutError(f"{what}: not within {within_s:.0f} s. {last}\nLogs are in {self.folder / 'log'}")
            time.sleep(1)

    def resolve(self, name: str, address: str) -> None:
        """Let pods find *address* under *name*; Debian packages no DNS that follows Services by itself."""
        self._hosts[name] = address
        if self._dns is not None:
            self._dns.terminate()
            self._dns.wait()
        records = [f"--address=/{name}/{address}" for name, address in self._hosts.items()]
        self._dns = self.start(
            "dnsmasq",
            "dnsmasq",
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--local=/cluster.local/",
            "--conf-file=/dev/null",
            "--user=root",
            f"--listen-address={ADDRESS}",
            "--bind-interfaces",
            "--pid-file=",
            *records,
        )

    def import_image(self, archive: Path) -> None:
        self.run(
            "ctr",
            f"--address={self.folder}/containerd.sock",
            "--namespace=k8s.io",
            "images",
            "import",
            archive,
            timeout=600,
        )


@contextmanager
def running_node(folder: Path, binaries: Path, pause_archive: Path) -> Iterator[Node]:
    """A node that is ready for pods. *folder* must be on a real file system, for containers' layers."""
    (folder / "log").mkdir()
    with ExitStack() as stack:
        stack.enter_context(_tunables_kept())
        stack.enter_context(_cgroups_removed())
        holder = stack.enter_context(_namespaces())
        node = Node(folder, binaries, holder)
        _places(node)
        _network(node)
        _write_configuration(node)
        node.start(
            "etcd",
            "etcd",
            f"--data-dir={folder}/etcd",
            "--listen-client-urls=http://127.0.0.1:12379",
            "--advertise-client-urls=http://127.0.0.1:12379",
            "--listen-peer-urls=http://127.0.0.1:12380",
            "--unsafe-no-fsync",
        )
        node.start("containerd", "containerd", "--config", folder / "containerd.toml")
        node.start("apiserver", binaries / "kube-apiserver", *_apiserver(folder))
        node.until("API server", lambda: "ok" in kubectl(node, "get", "--raw=/readyz"), within_s=300)
        config = f"--kubeconfig={node.kubeconfig}"
        node.start(
            "controllers",
            binaries / "kube-controller-manager",
            config,
            "--leader-elect=false",
            f"--service-account-private-key-file={folder}/sa.key",
            f"--root-ca-file={folder}/certs/apiserver.crt",
            "--use-service-account-credentials=false",
            "--controllers=*,-nodeipam,-route,-service,-cloud-node-lifecycle",
        )
        node.start("scheduler", binaries / "kube-scheduler", config, "--leader-elect=false")
        node.start(
            "kubelet",
            binaries / "kubelet",
            config,
            f"--config={folder}/kubelet.yaml",
            f"--root-dir={folder}/kubelet",
            f"--cert-dir={folder}/certs",
            "--container-runtime=remote",
            f"--node-ip={ADDRESS}",
            f"--container-runtime-endpoint=unix://{folder}/containerd.sock",
            "--hostname-override=node",
        )
        node.start(
            "proxy",
            binaries / "kube-proxy",
            config,
            "--proxy-mode=iptables",
            "--conntrack-max-per-core=0",
            "--hostname-override=node",
            "--cluster-cidr=10.198.0.0/16",
        )
        node.import_image(pause_archive)
        node.until("node", lambda: " Ready " in kubectl(node, "get", "nodes", "--no-headers"), within_s=600)
        node.until("service account", lambda: "default" in kubectl(node, "get", "serviceaccounts"), within_s=300)
        yield node


def kubectl(node: Node, *arguments: str, timeout: float = 120) -> str:
    return node.run(node.binaries / "kubectl", *arguments, timeout=timeout)


@contextmanager
def _namespaces() -> Iterator[int]:
    """The id of the first process in namespaces of its own; with it everything in them ends."""
    command = [
        "unshare",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--propagation=private",
        "sleep",
        "infinity",
    ]
    outer = subprocess.Popen(command)
    try:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
        end = time.monotonic() + 30
        while not children.read_text().split() or outer.poll() is not None:
            if time.monotonic() > end or outer.poll() is not None:
                raise RuntimeError("no namespaces to be had; is this root?")
            time.sleep(0.1)
        first = int(children.read_text().split()[0])
        try:
            yield first
        finally:
            # Its end is the end of all the others, and only after that the outer one ends by itself.
            os.kill(first, signal.SIGKILL)
            outer.wait(timeout=60)
    finally:
        outer.kill()
        outer.wait()


@contextmanager
def _tunables_kept() -> Iterator[None]:
    places = [place for name in _TUNABLES if (place := Path("/proc/sys", name)).exists()]
    before = {place: place.read_text() for place in places}
    try:
        yield
    finally:
        for place, value in before.items():
            if place.read_text() != value:
                place.write_text(value)


def _places(node: Node) -> None:
    """Let what a node writes outside its folder vanish with it."""
    for place in _WRITTEN:
        Path(place).mkdir(parents=True, exist_ok=True)
        node.run("mount", "-t", "tmpfs", "tmpfs", place)


@contextmanager
def _cgroups_removed() -> Iterator[None]:
    roots = [place for place in Path("/sys/fs/cgroup").glob("**/k8s.io") if place.is_dir()]
    yield
    for root in Path("/sys/fs/cgroup").glob("**/k8s.io"):
        if root not in roots:
            for folder, _, _ in os.walk(root, topdown=False):
                with suppress(OSError):
                    Path(folder).rmdir()


def _network(node: Node) -> None:
    node.run("ip", "link", "set", "lo", "up")
    # A bridge, because not every kernel has dummy devices.
    node.run("ip", "link", "add", "node0", "type", "bridge")
    node.run("ip", "address", "add", f"{ADDRESS}/24", "dev", "node0")
    node.run("ip", "link", "set", "node0", "up")
    node.run("ip", "route", "add", "default", "dev", "node0")
    node.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")


def _write_configuration(node: Node) -> None:
    folder = node.folder
    subprocess.run(["openssl", "genrsa", "-out", folder / "sa.key", "2048"], check=True, capture_output=True)
    subprocess.run(
        ["openssl", "rsa", "-in", folder / "sa.key", "-pubout", "-out", folder / "sa.pub"],
        check=True,
        capture_output=True,
    )
    (folder / "tokens.csv").write_text("t,admin,admin,system:masters\n")
    _write(
        node.kubeconfig,
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "node",
            "clusters": [{"name": "node", "cluster": {"server": _API, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "admin", "user": {"token": "t"}}],
            "contexts": [{"name": "node", "context": {"cluster": "node", "user": "admin"}}],
        },
    )
    _write(
        folder / "kubelet.yaml",
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "failSwapOn": False,
            "clusterDNS": [ADDRESS],
            "clusterDomain": "cluster.local",
            # The machine's disk may be nearly full, and a kubelet would remove the images.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        },
    )
    (folder / "cni").mkdir()
    (folder / "cni" / "10-pods.conflist").write_text(
        json.dumps(
            {
                "cniVersion": "0.4.0",
                "name": "pods",
                "plugins": [
                    {
                        "type": "bridge",
                        "bridge": "pods0",
                        "isGateway": True,
                        "hairpinMode": True,
                        "ipam": {
                            "type": "host-local",
                            "dataDir": str(folder / "ipam"),
                            "ranges": [[{"subnet": _PODS}]],
                            "routes": [{"dst": "0.0.0.0/0"}],
                        },
                    }
                ],
            }
        )
    )
    (folder / "containerd.toml").write_text(f"""\
version = 2
root = "{folder}/containerd"
state = "{folder}/containerd-state"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
""")


def _write(path: Path, content: object) -> None:
    path.write_text(yaml.safe_dump(content))


def _apiserver(folder: Path) -> Sequence[str]:
    return (
        "--etcd-servers=http://127.0.0.1:12379",
        "--bind-address=0.0.0.0",
        "--secure-port=16443",
        f"--cert-dir={folder}/certs",
        f"--service-account-key-file={folder}/sa.pub",
        f"--service-account-signing-key-file={folder}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=RBAC",
        f"--token-auth-file={folder}/tokens.csv",
        f"--service-cluster-ip-range={_SERVICES}",
        f"--advertise-address={ADDRESS}",
        "--endpoint-reconciler-type=none",
        "--kubelet-preferred-address-types=InternalIP",
    )
