"""A disk that takes nothing more while bodies come: told as passing, and nothing is sent."""

import json
import os
import resource
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from fakes.upstream import Upstream
from gateway_process import GatewayProcess
from loopback import serving

CONFIG = """
server: {{max_memory_bytes: 1048576, max_json_bytes: 9_000_000, reload_every_s: 86400}}
providers: [{{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{folder}/key"}}]
models: [{{name: gpt-image-2, targets: [{{provider: main, model: gpt-image-2}}]}}]
"""
LARGE = 3_000_000


def keep_files_small(process: "subprocess.Popen[str]") -> None:
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1_200_000, resource.RLIM_INFINITY))


@pytest.fixture(scope="module")
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "key").write_text("sk-secret\n")
    with serving(upstream) as url:
        (folder / "gateway.yaml").write_text(CONFIG.format(url=url, folder=folder))
        process = GatewayProcess(folder / "gateway.yaml", at_once=keep_files_small)
        try:
            yield process
        finally:
            process.close()


def generation(gateway: GatewayProcess) -> httpx.Response:
    return gateway.client.post("/v1/images/generations", json={"model": "gpt-image-2", "prompt": "x" * LARGE})


def edit(gateway: GatewayProcess) -> httpx.Response:
    files = {"image": ("a.png", os.urandom(LARGE), "image/png")}
    return gateway.client.post("/v1/images/edits", data={"model": "gpt-image-2", "prompt": "x"}, files=files)


def json_edit(gateway: GatewayProcess) -> httpx.Response:
    body = json.dumps({"model": "gpt-image-2", "prompt": "x", "images": [{"image_url": "A" * LARGE}]})
    return gateway.client.post("/v1/images/edits", content=body, headers={"content-type": "application/json"})


def test_bodies_that_the_disk_does_not_take_are_told_to_come_back(gateway: GatewayProcess, upstream: Upstream) -> None:
    replies = [ask(gateway) for ask in (generation, edit, json_edit)]
    small = gateway.draw("gpt-image-2")
    failing = gateway.said("spool.failing")
    ends = [gateway.said("request.finished") for _ in range(4)]

    assert [reply.status_code for reply in replies] == [503] * 3
    assert {reply.headers["retry-after"] for reply in replies} == {"10"}
    assert {reply.json()["error"]["message"] for reply in replies} == {
        "The gateway can't put the body on its disk (File too large); nothing was sent."
    }
    assert {reply.json()["error"]["imageway"]["code"] for reply in replies} == {"upstream_unavailable"}
    assert (small.status_code, len(upstream.requests)) == (200, 1)
    assert (failing["level"], failing["reason"]) == ("error", "File too large")
    assert [end["code"] for end in ends] == ["upstream_unavailable"] * 3 + ["ok"]
    page = gateway.client.get("/metrics").text
    assert 'imageway_shed_calls_total{cause="disk_fault"} 3.0' in page
    assert 'imageway_room_used_bytes{place="disk"} 0.0' in page
    assert 'imageway_room_limit_bytes{place="memory"} 1.048576e+06' in page
