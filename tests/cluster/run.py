"""The chart on a real Kubernetes: installed, tested, upgraded and rolled back under load without a failed call.

`make cluster-test` runs it, by way of run.sh. It tells each step and its seconds, and ends with 1 where one fails.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from node import Node, kubectl, running_node

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "imageway"
VALUES = Path(__file__).parent / "values.yaml"
RELEASE = ("images", CHART, "--namespace=draw", "--values", VALUES, "--wait", "--timeout=10m")
SERVICE = "images-imageway"


@contextmanager
def step(name: str) -> Iterator[None]:
    print(f"== {name}", flush=True)
    started = time.monotonic()
    yield
    print(f"   {time.monotonic() - started:.1f} s", flush=True)


def helm(node: Node, *arguments: str | Path) -> str:
    return node.run(node.binaries / "helm", *arguments, timeout=900)


def pods(node: Node) -> list[str]:
    told = kubectl(
        node, "--namespace=draw", "get", "pods", "--selector=app.kubernetes.io/component=gateway", "--output=name"
    )
    return sorted(told.split())


@contextmanager
def under_load(node: Node, address: str, what: str) -> Iterator[None]:
    """Calls all the while, until the pods that were there before are gone. Raises `RuntimeError` where one failed."""
    before = set(pods(node))
    load = subprocess.Popen(
        [*node.inside, sys.executable, Path(__file__).parent / "load.py", address, "6"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield
        node.until(f"end of the pods before the {what}", lambda: not before & set(pods(node)), within_s=300)
    except BaseException:
        load.kill()
        raise
    told = json.loads(load.communicate(timeout=300)[0])
    print(f"   {told['fine']} calls, {len(told['failed'])} failed, the slowest took {told['slowest_s']} s", flush=True)
    if told["failed"] or not told["fine"]:
        raise RuntimeError(f"calls failed in the {what}: {told['failed'][:5]}")


def configured(node: Node) -> str:
    return kubectl(node, "--namespace=draw", "get", "configmap", SERVICE, "--output=jsonpath={.data.gateway\\.yaml}")


def check(node: Node) -> None:
    with step("helm install"):
        helm(node, "install", *RELEASE, "--create-namespace")
        address = kubectl(
            node, "--namespace=draw", "get", "service", SERVICE, "--output=jsonpath={.spec.clusterIP}"
        ).strip()
        node.resolve(f"{SERVICE}.draw.svc.cluster.local", address)
    with step("helm test"):
        print("  ", helm(node, "test", "images", "--namespace=draw", "--logs").strip().splitlines()[-1])
    with step("what the pods may do"):
        status = kubectl(node, "--namespace=draw", "exec", pods(node)[0], "--", "cat", "/proc/1/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        if (fields["Uid"].split()[0], fields["CapEff"], fields["NoNewPrivs"]) != ("10001", "0" * 16, "1"):
            raise RuntimeError(f"pods may more than they should: {status}")
    first = configured(node)
    with step("an upgrade under load"), under_load(node, f"{address}:80", "upgrade"):
        helm(node, "upgrade", *RELEASE, "--set", "config.server.max_upload_bytes=1000000")
    if configured(node) == first:
        raise RuntimeError("the upgrade changed nothing")
    with step("a rollback under load"), under_load(node, f"{address}:80", "rollback"):
        helm(node, "rollback", "images", "1", "--namespace=draw", "--wait", "--timeout=10m")
    if configured(node) != first:
        raise RuntimeError("the rollback did not bring the first configuration back")
    with step("a configuration that the gateway refuses leaves the old pods serving"):
        before = pods(node)
        refused = ("--set", "config.catalogue={/no/such.yaml}", "--timeout=40s")
        if "images" in node.run(node.binaries / "helm", "upgrade", *RELEASE, *refused, check=False, timeout=300):
            raise RuntimeError("a configuration that can't be used was rolled out")
        if not set(before) <= set(pods(node)):
            raise RuntimeError("pods that served were taken away for ones that can't start")
        helm(node, "rollback", "images", "--namespace=draw", "--wait", "--timeout=10m")
    with step("helm uninstall"):
        helm(node, "uninstall", "images", "--namespace=draw", "--wait", "--timeout=5m")


def main() -> int:
    cache, image, pause = (Path(argument) for argument in sys.argv[1:4])
    folder = Path(tempfile.mkdtemp(prefix="node.", dir=cache))
    try:
        with step("a node of Kubernetes"):
            context = running_node(folder, cache / "bin", pause)
            node = context.__enter__()
        try:
            with step("the image"):
                node.import_image(image)
            check(node)
        finally:
            context.__exit__(None, None, None)
    except (RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
        print(f"FAILED: {error}\nLogs: {folder}/log", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    print("all of it passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
