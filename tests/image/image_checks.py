"""The image, run as Kubernetes would run it. `make image-test` builds it and runs this, with root, podman and runc."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

IMAGE = "localhost/imageway-gateway:test"
CONFIG = """\
server: {host: 0.0.0.0, allow_unauthenticated: true}
providers: [{name: paper, type: sketch}]
"""
DRAW = """\
import base64, sys
from openai import OpenAI
client = OpenAI(base_url="http://127.0.0.1:8080/v1", api_key="unused", max_retries=0)
answer = client.images.generate(model="gpt-image-2", prompt="a teal teapot", size="1280x720")
sys.stdout.buffer.write(base64.b64decode(answer.data[0].b64_json))
"""


def podman(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    command = ["podman", "--cgroup-manager", "cgroupfs", "--runtime", "runc", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)


@contextmanager
def running(folder: Path, *options: str, command: tuple[str, ...] = ()) -> Iterator[str]:
    """The id of a container that nothing is granted to: no root, no capabilities, no writing but in /tmp, no network.

    *folder* is what it finds its configuration in; *options* and *command* are podman's.
    """
    folder.chmod(0o755)
    ran = podman(
        "run",
        "--detach",
        "--network=none",
        "--ulimit=nofile=20000:20000",
        "--ulimit=nproc=4096:4096",
        "--read-only",
        "--read-only-tmpfs=false",
        "--cap-drop=all",
        "--security-opt=no-new-privileges",
        "--memory=512m",
        "--cpus=1",
        "--tmpfs=/tmp:rw,size=64m,mode=1777",
        f"--volume={folder}:/etc/imageway:ro",
        *options,
        IMAGE,
        *command,
    )
    assert ran.returncode == 0, ran.stderr
    name = ran.stdout.strip()
    try:
        yield name
    finally:
        podman("rm", "--force", "--time=0", "--volumes", name)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    (folder / "gateway.yaml").write_text(CONFIG)
    with running(folder) as name:
        end = time.monotonic() + 90
        while "listens on" not in podman("logs", name).stderr:
            assert time.monotonic() < end, podman("logs", name).stderr
            time.sleep(0.5)
        yield name


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("config")) as name:
        yield name


def inside(container: str, script: str) -> str:
    ran = podman("exec", container, "sh", "-c", script)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_it_runs_as_a_numbered_user_without_any_capability(container: str) -> None:
    status = dict(
        line.split(":\t", 1) for line in inside(container, "cat /proc/1/status").splitlines() if ":\t" in line
    )

    assert status["Uid"].split() == ["10001"] * 4
    assert status["Gid"].split() == ["10001"] * 4
    assert status["CapEff"] == "0000000000000000"
    assert status["NoNewPrivs"] == "1"


def test_the_gateway_is_the_first_process_so_that_signals_reach_it(container: str) -> None:
    assert "imageway-gateway" in inside(container, "tr '\\0' ' ' </proc/1/cmdline")


def test_nothing_but_the_temporary_volume_can_be_written(container: str) -> None:
    assert (
        inside(
            container,
            "touch /tmp/x && rm /tmp/x; for d in / /etc /opt/imageway /var/lib/imageway; do"
            " touch $d/x 2>/dev/null && echo $d; done; true",
        )
        == ""
    )


def test_memory_is_bounded_as_asked(container: str) -> None:
    told = inside(
        container, "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true"
    )

    assert told.split() == [str(512 * 2**20)]


def test_vendors_certificates_can_be_checked(container: str) -> None:
    count = inside(container, "python -c 'import ssl; print(len(ssl.create_default_context().get_ca_certs()))'")

    assert int(count) > 100


def test_the_official_client_gets_its_picture(container: str, tmp_path: Path) -> None:
    pid = podman("inspect", "--format={{.State.Pid}}", container).stdout.strip()
    python = Path(__file__).parents[2] / ".venv/bin/python"
    network = ["nsenter", f"--net=/proc/{pid}/ns/net"]
    drawn = subprocess.run([*network, python, "-c", DRAW], capture_output=True, check=False, timeout=120)

    assert drawn.returncode == 0, drawn.stderr.decode()
    assert drawn.stdout[:8] == b"\x89PNG\r\n\x1a\n"
    assert drawn.stdout[16:24] == (1280).to_bytes(4, "big") + (720).to_bytes(4, "big")


def test_its_own_health_check_finds_it_well(container: str) -> None:
    assert podman("healthcheck", "run", container).returncode == 0


def test_its_own_health_check_notices_a_gateway_that_does_not_answer(tmp_path: Path) -> None:
    with running(tmp_path, "--entrypoint=sleep", command=("300",)) as name:
        assert podman("healthcheck", "run", name).returncode == 1


def test_sigterm_ends_it_in_order(tmp_path: Path) -> None:
    with serving(tmp_path) as name:
        podman("kill", "--signal=TERM", name)

        assert podman("wait", name).stdout.strip() == "0"


def test_without_a_configuration_it_says_what_is_missing_and_ends(tmp_path: Path) -> None:
    with running(tmp_path) as name:
        assert podman("wait", name).stdout.strip() == "2"
        assert "/etc/imageway/gateway.yaml" in podman("logs", name).stderr


def test_labels_say_what_it_is() -> None:
    labels = json.loads(podman("image", "inspect", "--format={{json .Labels}}", IMAGE).stdout)

    assert {name: labels[f"org.opencontainers.image.{name}"] for name in ("title", "licenses")} == {
        "title": "imageway-gateway",
        "licenses": "Apache-2.0",
    }


def test_neither_tests_nor_build_tools_are_in_it(container: str) -> None:
    assert (
        inside(
            container,
            "ls /src /build 2>/dev/null; ls /opt/imageway/lib/python3*/site-packages |"
            " grep -iE '^(pip|hatchling|pytest|mypy)' ; true",
        )
        == ""
    )


def test_it_stays_small() -> None:
    base, whole = (
        int(podman("image", "inspect", "--format={{.Size}}", name).stdout)
        for name in ("docker.io/library/python:3.13-slim", IMAGE)
    )

    assert whole - base < 220 * 2**20, f"{(whole - base) / 2**20:.0f} MiB on top of the base"
