"""A configuration that changes under a real gateway: new calls go by the new one, those in flight by the old."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from fakes.holding import HoldingUpstream
from fakes.upstream import Upstream
from gateway_log import Log
from gateway_process import GatewayProcess
from imageway.gateway.app import create_app
from imageway.gateway.reload import Source
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CONFIG = """
server: {{reload_every_s: {every}}}
providers: [{{name: main, type: openai, base_url: "{vendor}/v1", api_key: "file:{folder}/key"}}]
models: [{{name: {model}, contract: openai/gpt-image-1, targets: [{{provider: main, model: gpt-image-1}}]}}]
ledger: {{store: "sqlite:{folder}/ledger.sqlite3"}}
"""
OFTEN, NEVER = "0.02", "86400"


class Files:
    """A mounted configuration: `gateway.yaml` is a link into a folder that another link names, as Kubernetes does."""

    def __init__(self, folder: Path, vendor: str, every: str) -> None:
        self.folder, self._vendor, self._every = folder, vendor, every
        self.config = folder / "gateway.yaml"
        self._versions = 0
        (folder / "key").write_text("sk-first")
        self.swap(self.text("first"))
        self.config.symlink_to(Path("data") / "gateway.yaml")

    def text(self, model: str) -> str:
        return CONFIG.format(vendor=self._vendor, folder=self.folder, model=model, every=self._every)

    def swap(self, text: str) -> None:
        self._versions += 1
        version = self.folder / f"version-{self._versions}"
        version.mkdir()
        (version / "gateway.yaml").write_text(text)
        (self.folder / "new").symlink_to(version.name)
        (self.folder / "new").replace(self.folder / "data")


@contextmanager
def running(
    upstream: Upstream | HoldingUpstream, folder: Path, every: str = OFTEN
) -> Iterator[tuple[GatewayProcess, Files]]:
    with serving(upstream) as vendor:
        files = Files(folder, vendor, every)
        gateway = GatewayProcess(files.config)
        try:
            yield gateway, files
        finally:
            gateway.close()


def test_calls_in_flight_are_answered_while_the_configuration_is_swapped(tmp_path: Path) -> None:
    upstream = HoldingUpstream()
    with running(upstream, tmp_path) as (gateway, files), ThreadPoolExecutor(2) as threads:
        plain = threads.submit(gateway.draw, "first")
        keyed = threads.submit(gateway.draw, "first", **{"idempotency-key": "k"})
        upstream.arrived(2)
        files.swap(files.text("second"))
        reloaded = gateway.said("configuration.reloaded")

        gone = gateway.draw("first")
        assert (gone.status_code, gateway.models) == (400, ["second"])
        assert "Models here: second." in gone.json()["error"]["message"]
        upstream.release()
        assert [call.result().status_code for call in (plain, keyed)] == [200, 200]
        assert gateway.draw("second").status_code == 200
        again = gateway.draw("first", **{"idempotency-key": "k"})
        metrics = gateway.client.get("/metrics").text

    assert (reloaded["models"], reloaded["keys"]) == (1, 0)
    assert (again.status_code, again.headers["imageway-replayed"]) == (200, "true")
    assert 'imageway_config_reloads_total{outcome="used"} 1.0' in metrics


def test_a_bad_configuration_is_told_whole_and_the_old_one_stays(tmp_path: Path) -> None:
    with running(Upstream(), tmp_path) as (gateway, files):
        files.swap(files.text("second").replace("target", "tarjet").replace("every_s", "evry_s"))
        refused = gateway.said("configuration.refused")
        assert (gateway.models, gateway.draw("first").status_code) == (["first"], 200)
        files.swap(files.text("third"))
        gateway.said("configuration.reloaded")
        assert gateway.models == ["third"]
        metrics = gateway.client.get("/metrics").text

    assert [problem.split(" error")[1].splitlines()[0].split(";")[0] for problem in refused["problems"]] == [
        "[unknown-key] server.reload_evry_s is not a key here",
        "[unknown-key] models[0].tarjets is not a key here",
        '[missing-key] models[0] lacks the key "targets", which must be a list',
    ]
    assert 'imageway_config_reloads_total{outcome="refused"} 1.0' in metrics


def test_a_secret_that_changes_is_used(tmp_path: Path) -> None:
    upstream = Upstream()
    with running(upstream, tmp_path) as (gateway, _):
        gateway.draw("first")
        (tmp_path / "key").write_text("sk-second")
        gateway.said("configuration.reloaded")
        gateway.draw("first")

    assert [request.headers["authorization"] for request in upstream.requests] == [
        "Bearer sk-first",
        "Bearer sk-second",
    ]


def test_a_signal_reloads_at_once_and_what_needs_a_restart_is_told(tmp_path: Path) -> None:
    with running(Upstream(), tmp_path, NEVER) as (gateway, files):
        digest = sha256(b"imw_a").hexdigest()
        files.swap(
            files.text("second")
            .replace("server: {", "server: {keep_alive_s: 7, ")
            .replace("ledger.sqlite3", "other.sqlite3")
            + f"keys: [{{name: a, sha256: {digest}}}]\n"
        )
        os.kill(gateway.process.pid, signal.SIGHUP)
        kept = gateway.said("configuration.needs_restart")
        gateway.said("configuration.reloaded")

        assert gateway.draw("second").status_code == 401
        assert gateway.draw("second", authorization="Bearer imw_a").status_code == 200
        assert not (tmp_path / "other.sqlite3").exists()

    assert kept["sections"] == ["server", "ledger"]


def test_a_change_before_anybody_watches_is_seen(tmp_path: Path) -> None:
    with serving(Upstream()) as vendor:
        files, log = Files(tmp_path, vendor, NEVER), Log()
        source = Source(partial(load_settings, files.config), files.config)
        settings = source.load()
        files.swap(files.text("second"))

        with serving(create_app(settings, log=logger(log), source=source), lifespan="on") as url:
            while "configuration.reloaded" not in log.getvalue():
                assert httpx.get(f"{url}/healthz").text == "ok\n"
            models = httpx.get(f"{url}/v1/models").json()["data"]

    assert [model["id"] for model in models] == ["second"]
    assert log.getvalue().count("configuration.") == 1


@pytest.fixture
def deadly_hang_ups() -> Iterator[None]:
    """As a terminal leaves it. Processes inherit it where something ignores it, such as nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("deadly_hang_ups")
def test_a_hang_up_before_or_after_it_is_heard_ends_nothing(tmp_path: Path) -> None:
    upstream = HoldingUpstream()
    with serving(upstream) as vendor:
        files = Files(tmp_path, vendor, NEVER)
        gateway = GatewayProcess(files.config, at_once=lambda process: os.kill(process.pid, signal.SIGHUP))
        try:
            with pytest.raises(httpx.ReadTimeout):
                gateway.draw("first", timeout_s=0.5, **{"idempotency-key": "k"})
            upstream.arrived(1)
            gateway.process.send_signal(signal.SIGTERM)
            with suppress(httpx.TransportError):
                while True:
                    httpx.get(gateway.client.base_url)
            os.kill(gateway.process.pid, signal.SIGHUP)
            upstream.release()
            gateway.said("drain.finished")

            assert gateway.process.wait(timeout=20) == 0
        finally:
            gateway.close()


def test_a_configuration_that_names_no_possible_file_is_refused_like_any_other(tmp_path: Path) -> None:
    with running(Upstream(), tmp_path) as (gateway, files):
        files.swap(files.text("second").replace("file:", "file:\\0"))
        gateway.said("configuration.refused")
        files.swap(files.text("third"))
        gateway.said("configuration.reloaded")
        assert gateway.models == ["third"]
