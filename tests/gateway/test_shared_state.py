"""Two gateways on one Redis: together they spend no more, and let no more in, than one of them would."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from redis import Redis

from fakes.upstream import Reply, Upstream
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import SettingsError, load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving
from redis_server import RedisServer, serving_redis

CONFIG = """
providers: [{{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{folder}/key"}}]
models: [{{name: dall-e-3, targets: [{{provider: main, model: dall-e-3}}]}}]
limits: {{store: "{redis}"}}
budgets: {{store: "file:{folder}/address"}}
keys:
  - {{name: poor, sha256: {poor}, budget_usd_per_day: 0.50, budget_usd_per_month: 20}}
  - {{name: slow, sha256: {slow}, requests_per_minute: 5}}
  - {{name: single, sha256: {single}, max_in_flight: 1}}
"""
NAMES = ("poor", "slow", "single")


def configured(folder: Path, url: str, redis: str) -> Path:
    (folder / "key").write_text("sk-secret")
    (folder / "address").write_text(redis)
    hashes = {name: sha256(f"imw_{name}".encode()).hexdigest() for name in NAMES}
    config = folder / "gateway.yaml"
    config.write_text(CONFIG.format(url=url, folder=folder, redis=redis, **hashes))
    return config


@contextmanager
def two_gateways(upstream: Upstream, folder: Path, redis: str, log: Log) -> Iterator[list[str]]:
    with ExitStack() as stack:
        config = configured(folder, stack.enter_context(serving(upstream)), redis)
        apps = [create_app(load_settings(config), log=logger(log)) for _ in range(2)]
        yield [stack.enter_context(serving(app, lifespan="on")) for app in apps]


def ask(url: str, key: str) -> httpx.Response:
    return httpx.post(
        f"{url}/v1/images/generations",
        json={"model": "dall-e-3", "prompt": "x"},
        headers={"authorization": f"Bearer imw_{key}"},
        timeout=30,
    )


@pytest.mark.usefixtures("empty_redis")
def test_together_they_never_overspend(tmp_path: Path, redis_server: RedisServer) -> None:
    upstream = Upstream()
    with two_gateways(upstream, tmp_path, redis_server.url, Log()) as urls, ThreadPoolExecutor(8) as threads:
        replies = [*threads.map(lambda number: ask(urls[number % 2], "poor"), range(24))]

    assert Counter(reply.status_code for reply in replies) == {200: 12, 429: 12}
    assert len(upstream.requests) == 12
    assert {reply.json()["error"]["imageway"]["code"] for reply in replies if reply.status_code == 429} == {
        "budget_exhausted"
    }


@pytest.mark.usefixtures("empty_redis")
def test_together_they_let_in_what_a_minute_allows(tmp_path: Path, redis_server: RedisServer) -> None:
    upstream = Upstream()
    with two_gateways(upstream, tmp_path, redis_server.url, Log()) as urls:
        statuses = [ask(urls[number % 2], "slow").status_code for number in range(7)]

    assert statuses == [200] * 5 + [429] * 2
    assert len(upstream.requests) == 5


def test_a_call_in_flight_at_one_counts_at_the_other(
    tmp_path: Path, redis_server: RedisServer, empty_redis: Redis
) -> None:
    upstream = Upstream()
    upstream.replies.append(Reply(never=True))
    with two_gateways(upstream, tmp_path, redis_server.url, Log()) as (one, two), ThreadPoolExecutor(1) as threads:
        empty_redis.config_set("notify-keyspace-events", "Kz")
        with empty_redis.pubsub(ignore_subscribe_messages=True) as told:
            told.subscribe("__keyspace@0__:imageway:in_flight:1:single")
            told.get_message(timeout=5)
            client = httpx.Client()
            held = threads.submit(
                lambda: client.post(
                    f"{one}/v1/images/generations",
                    json={"model": "dall-e-3", "prompt": "x"},
                    headers={"authorization": "Bearer imw_single"},
                    timeout=httpx.Timeout(30, read=2),
                )
            )
            assert told.get_message(timeout=10) is not None
            refused = ask(two, "single")
            assert isinstance(held.exception(), httpx.ReadTimeout)
            client.close()
            assert told.get_message(timeout=10) is not None
        after = ask(two, "single")

    assert refused.status_code == 429
    assert refused.json()["error"]["message"] == "This key has 1 calls in flight, which is its limit."
    assert after.status_code == 200


def test_without_redis_budgets_refuse_and_limits_let_pass(tmp_path: Path) -> None:
    upstream, log = Upstream(), Log()
    (tmp_path / "redis").mkdir()
    with (
        serving_redis(tmp_path / "redis", "--appendonly", "yes") as server,
        two_gateways(upstream, tmp_path, server.url, log) as urls,
    ):
        server.kill()
        poor, slow, single = (ask(urls[0], name) for name in NAMES)
        metrics = httpx.get(f"{urls[0]}/metrics").text

    assert (poor.status_code, slow.status_code, single.status_code) == (503, 200, 200)
    assert poor.json()["error"]["message"] == "The gateway can't look up its budgets; nothing was sent."
    assert len(upstream.requests) == 2
    assert 'imageway_store_failures_total{calls="refused",store="budgets"} 1.0' in metrics
    assert 'imageway_store_failures_total{calls="uncounted",store="rates"} 1.0' in metrics
    assert 'imageway_store_failures_total{calls="uncounted",store="in_flight"} 1.0' in metrics
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["store"], line["calls"], line["error"]) for line in told if line["event"] == "store.failed"] == [
        ("budgets", "refused", "ConnectionError"),
        ("rates", "uncounted", "ConnectionError"),
        ("in_flight", "uncounted", "ConnectionError"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (
            "file:{folder}/address",
            "file:{folder}/nowhere",
            "budgets.store: the secret file {folder}/nowhere can't be read (FileNotFoundError)",
        ),
        (
            "redis://cache/1",
            "sqlite:limits",
            "limits.store is 'sqlite:limits', but must be memory, redis://HOST:PORT/DATABASE, rediss://..., or a"
            " reference to such a Redis address: env:NAME or file:PATH",
        ),
        (
            "redis://cache/1",
            "redis://:hunter2@cache/1",
            "limits.store has a password in it; put the whole address into an environment variable or a file, and say"
            " env:NAME or file:PATH",
        ),
    ],
)
def test_stores_that_can_be_none_are_told_at_start(before: str, after: str, fault: str, tmp_path: Path) -> None:
    config = configured(tmp_path, "http://127.0.0.1:9", "redis://cache/1")
    before, after, fault = (text.replace("{folder}", str(tmp_path)) for text in (before, after, fault))
    config.write_text(config.read_text().replace(before, after))

    with pytest.raises(SettingsError) as caught:
        create_app(load_settings(config))

    assert [issue.message for issue in caught.value.issues] == [fault]
