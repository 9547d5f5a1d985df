"""What is measured: processes of our own, each on one core, with their CPU time and memory read from /proc."""

import asyncio
import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

KEY = "imw_bench-gateway-key"
NGINX = """
daemon off; user {user}; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_max_body_size 0; keepalive_requests 100000; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream vendor {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_request_buffering off; proxy_max_temp_file_size 0;
    location / {{ proxy_pass http://vendor; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""
GATEWAY = """
server: {{port: {port}}}
providers:
  - {{name: vendor, type: openai, api_key: "file:{folder}/vendor-key", base_url: "http://127.0.0.1:{upstream}/v1"}}
models:
  - {{name: gpt-image-2, contract: openai/gpt-image-2, targets: [{{provider: vendor, model: gpt-image-2}}]}}
keys:
  - {{name: bench, sha256: {digest}}}
"""
LITELLM = """
model_list:
  - model_name: gpt-image-2
    litellm_params: {{model: openai/gpt-image-2, api_key: sk-bench, api_base: "http://127.0.0.1:{upstream}/v1"}}
general_settings: {{master_key: {key}}}
"""


class Subject(NamedTuple):
    """A server under test; `ready_s` is how long it took from its start until it answered."""

    name: str
    port: int
    pids: tuple[int, ...]
    ready_s: float

    @property
    def cpu_s(self) -> float:
        """CPU seconds so far of its living threads, in nanosecond steps."""
        files = (file for pid in self.pids for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(int(file.read_text().split()[0]) for file in files) / 1e9

    def forget_peak(self) -> None:
        for pid in self.pids:
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    @property
    def peak_mb(self) -> float:
        return self._status_mb("VmHWM:")

    @property
    def rss_mb(self) -> float:
        return self._status_mb("VmRSS:")

    def _status_mb(self, field: str) -> float:
        lines = (line for pid in self.pids for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return sum(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def pinned(command: list[str], core: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """*command* on *core*, ended with the block; what it says goes to *log*."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with log.open("wb") as file:
        process = subprocess.Popen(["taskset", "-c", str(core), *command], stdout=file, stderr=file, env=environment)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def nginx(folder: Path, upstream: int, core: int) -> Iterator[Subject]:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(user=getpass.getuser(), folder=folder, upstream=upstream, port=port))
    with pinned([_path("nginx"), "-c", str(config)], core, folder / "nginx.out") as process:
        ready_s = _ready(process, port, b"GET / HTTP/1.0\r\n\r\n", 10)
        yield Subject("nginx", port, _children(process.pid), ready_s)


@contextmanager
def gateway(folder: Path, upstream: int, core: int) -> Iterator[Subject]:
    port = free_port()
    (folder / "vendor-key").write_text("sk-bench\n")
    config = folder / "gateway.yaml"
    digest = sha256(KEY.encode()).hexdigest()
    config.write_text(GATEWAY.format(folder=folder, upstream=upstream, port=port, digest=digest))
    command = [str(Path(sys.executable).with_name("imageway-gateway")), "--config", str(config)]
    with pinned(command, core, folder / "gateway.log") as process:
        ready_s = _ready(process, port, b"GET /readyz HTTP/1.0\r\nhost: 127.0.0.1\r\n\r\n", 60)
        yield Subject("imageway", port, (process.pid,), ready_s)


@contextmanager
def on_granian(folder: Path, core: int) -> Iterator[Subject | None]:
    """The gateway of `gateway`, by the same configuration, on granian; None where that isn't installed."""
    program = Path(sys.executable).with_name("granian")
    if not program.exists():
        yield None
        return
    port = free_port()
    os.environ["IMAGEWAY_CONFIG"] = str(folder / "gateway.yaml")
    command = [str(program), "--interface", "asgi", "--loop", "uvloop", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--factory", "--working-dir", str(Path(__file__).parent), "on_granian:application"]
    with pinned(command, core, folder / "granian.log") as process:
        ready_s = _ready(process, port, b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", 60)
        yield Subject("on granian", port, (process.pid, *_children(process.pid)), ready_s)


@contextmanager
def litellm(folder: Path, upstream: int, core: int) -> Iterator[Subject | None]:
    """None where it isn't installed."""
    program = shutil.which("litellm")
    if program is None:
        yield None
        return
    port = free_port()
    config = folder / "litellm.yaml"
    config.write_text(LITELLM.format(upstream=upstream, key=KEY))
    command = [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    with pinned(command, core, folder / "litellm.log") as process:
        ready_s = _ready(process, port, b"GET /health/liveliness HTTP/1.0\r\n\r\n", 120)
        yield Subject("litellm", port, (process.pid,), ready_s)


def _path(program: str) -> str:
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise SystemExit(f"{program} is not installed: apt-get install {program}-light")
    return path


def _ready(process: subprocess.Popen[bytes], port: int, question: bytes, patience_s: float) -> float:
    started = time.monotonic()
    while process.poll() is None and time.monotonic() < started + patience_s:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(question)
                if connection.recv(12):
                    return time.monotonic() - started
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"{process.args} did not start")


def _children(pid: int) -> tuple[int, ...]:
    """The processes that *pid* works through, without itself."""
    return tuple(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


async def settled(subject: Subject) -> None:
    """Wait until *subject* is done with what came after the answer, such as log lines."""
    for _ in range(50):
        before = subject.cpu_s
        await asyncio.sleep(0.05)
        if subject.cpu_s - before < 0.001:
            return
