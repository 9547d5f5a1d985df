"""What was paid for stays counted, what was not is given back, and no doubt is told as certainty."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import UNSET, UnsetType
from typing_extensions import override

from fakes.clock import FakeClock
from fakes.upstream import PNG, Reply, Upstream, streamed
from gateway_log import Log
from imageway.contract.cost import micro_usd
from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import GeneratedImage, ImageResult, TokenDetails, Usage
from imageway.gateway.access.admission import Admission
from imageway.gateway.access.budgets import Period, periods_at
from imageway.gateway.access.callers import Caller
from imageway.gateway.access.keyring import KeySettings
from imageway.gateway.access.rates import Rates
from imageway.gateway.access.sqlite_budgets import SqliteBudgets
from imageway.gateway.app import create_app
from imageway.gateway.engine.delivery import Delivery
from imageway.gateway.engine.engine import Engine
from imageway.gateway.engine.pricing import estimate_of
from imageway.gateway.engine.pursuit import Sleep
from imageway.gateway.media.store import MediaStore
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from imageway.providers.catalogue import load_catalogue
from imageway.providers.registry import Model, Registry, Target
from imageway.providers.sketch import SketchConfig
from imageway.providers.sketch.provider import SketchProvider
from imageway.providers.traffic_rules import RetryRules
from loopback import serving

CONFIG = """
providers: [{{name: main, type: openai, base_url: "{url}/v1", api_key: "file:{folder}/key"}}]
models:
  - {{name: gpt-image-1, targets: [{{provider: main, model: gpt-image-1}}, {{provider: main, model: gpt-image-1}}]}}
  - {{name: loose, contract: openai/dall-e-3, validation: "off", targets: [{{provider: main, model: dall-e-3}}]}}
budgets: {{store: "sqlite:budgets.sqlite3"}}
ledger: {{store: "sqlite:ledger.sqlite3"}}
keys: [{{name: k, sha256: {key}, budget_usd_per_day: "0.02"}}, {{name: free, sha256: {free}}}]
"""
CHEAP = {"model": "gpt-image-1", "prompt": "x", "size": "1024x1024", "quality": "low"}
NOW = datetime(2026, 11, 24, tzinfo=UTC)
KEY = KeySettings(name="k", sha256="0" * 64, budget_usd_per_day=Decimal("0.02"))


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def url(upstream: Upstream, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "key").write_text("sk-secret\n")
    hashes = {name: sha256(name.encode()).hexdigest() for name in ("key", "free")}
    with serving(upstream) as vendor:
        (tmp_path / "gateway.yaml").write_text(CONFIG.format(url=vendor, folder=tmp_path, **hashes))
        app = create_app(load_settings(tmp_path / "gateway.yaml"), log=logger(Log()))
        with serving(app, lifespan="on") as url:
            yield url


def ask(url: str, *, caller: str = "key", query: str = "", **more: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {caller}", **more}
    return httpx.post(f"{url}/v1/images/generations{query}", json=CHEAP, headers=headers)


def broken_off(code: str) -> Reply:
    return streamed(
        ("image_generation.completed", {"b64_json": "eA=="}),
        ("error", {"error": {"code": code, "message": "no", "type": "x", "param": None}}),
    )


@pytest.mark.parametrize("code", ["rate_limit_exceeded", "moderation_blocked", "insufficient_quota"])
def test_an_error_after_a_picture_pays_for_the_picture(url: str, upstream: Upstream, code: str) -> None:
    upstream.replies.append(broken_off(code))
    headers = {"authorization": "Bearer key", "idempotency-key": "one"}

    first = httpx.post(f"{url}/v1/images/generations", json={**CHEAP, "stream": True}, headers=headers)
    again = httpx.post(f"{url}/v1/images/generations", json={**CHEAP, "stream": True}, headers=headers)

    assert first.json()["error"]["imageway"]["may_have_billed"] is True
    assert again.json()["error"]["imageway"]["code"] == "outcome_unknown"
    assert ask(url).json()["error"]["imageway"]["code"] == "budget_exhausted"
    assert len(upstream.requests) == 1


def test_a_budget_that_cannot_be_settled_hides_no_picture(url: str, upstream: Upstream, tmp_path: Path) -> None:
    class Locking(Upstream):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            locker.execute("BEGIN IMMEDIATE")
            await super().__call__(scope, receive, send)

    locker = sqlite3.connect(tmp_path / "budgets.sqlite3", isolation_level=None, check_same_thread=False)
    upstream.__class__ = Locking
    try:
        reply = ask(url)
    finally:
        locker.close()

    assert reply.status_code == 200
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("host", ["a:b", "a:99999999"])
def test_a_host_that_is_no_address_costs_nothing(url: str, upstream: Upstream, host: str) -> None:
    replies = [ask(url, host=host), httpx.get(f"{url}/nowhere", headers={"host": host})]

    assert [reply.status_code for reply in replies] == [400, 404]
    assert upstream.requests == []


@pytest.mark.parametrize("word", ["1", "True", "", "yes"])
def test_a_dry_run_is_never_guessed(url: str, upstream: Upstream, word: str) -> None:
    reply = ask(url, query=f"?dry_run={word}")

    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "dry_run")
    assert upstream.requests == []


def test_dry_run_false_is_a_call(url: str, upstream: Upstream) -> None:
    assert ask(url, query="?dry_run=false").status_code == 200
    assert len(upstream.requests) == 1


def test_a_streamed_link_is_not_lost(url: str, upstream: Upstream) -> None:
    upstream.replies.append(Reply(body={"created": 1, "data": [{"url": "https://x/1.png"}]}))

    reply = httpx.post(
        f"{url}/v1/images/generations",
        json={"model": "loose", "prompt": "x", "stream": True},
        headers={"authorization": "Bearer free"},
    )

    assert '"url":"https://x/1.png"' in reply.text


async def test_a_full_store_after_drawing_is_told_as_paid(tmp_path: Path) -> None:
    spec = load_catalogue()["openai/dall-e-3"]
    target = Target(
        provider_name="p", provider=SketchProvider(SketchConfig()), upstream_model="dall-e-3", spec=spec, free=True
    )
    registry = Registry([Model(name="m", contract=spec, targets=(target,))])
    request = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "x"})
    [passage] = registry.route(request)
    media = MediaStore(tmp_path, public_url="", signing_key=b"k" * 32, ttl_s=60, max_bytes=len(PNG))

    async with Delivery(media).room_for(passage) as room:
        result = await target.create(request)
        with pytest.raises(ImageError, match="The picture was drawn, but not delivered") as caught:
            await room.delivered(result, spec)

    assert caught.value.may_have_billed


class Slow(SqliteBudgets):
    """Tells when it begins to reserve, and waits."""

    def __init__(self) -> None:
        super().__init__(None)
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def reserve(self, periods: Sequence[Period], micro_usd: int) -> Period | None:
        self.begun.set()
        await self.go_on.wait()
        return await super().reserve(periods, micro_usd)


@pytest.mark.parametrize("fault", [None, RuntimeError("a bug before anything was sent")])
async def test_what_was_never_sent_is_given_back(fault: Exception | None) -> None:
    budgets = Slow()
    admission = Admission(Rates(), budgets, now=lambda: NOW)
    spec = load_catalogue()["openai/gpt-image-1"]
    target = Target(provider_name="p", provider=SketchProvider(SketchConfig()), upstream_model="m", spec=spec)
    registry = Registry([Model(name="gpt-image-1", contract=spec, targets=(target,))])
    params = {name: value for name, value in CHEAP.items() if name != "model"}
    route = registry.route(ImageRequest(operation=Operation.GENERATE, model="gpt-image-1", params={**params}))

    async def call() -> None:
        async with admission.entering(KEY, 1, estimate_of(route)):
            assert fault is not None
            raise fault

    calling = asyncio.ensure_future(call())
    await budgets.begun.wait()
    if fault is None:
        calling.cancel()
    budgets.go_on.set()
    await asyncio.wait((calling,))

    assert calling.cancelled() if fault is None else calling.exception() is fault
    [today] = periods_at(NOW, "k", day_micro_usd=20_000, month_micro_usd=None)
    assert await budgets.spent([today]) == {"2026-11-24": 0}


class Doubtful:
    """A provider of whose first *doubts* calls nobody knows the end; later ones are drawn."""

    def __init__(self, doubts: int, usage: Usage | UnsetType) -> None:
        self._doubts = doubts
        self._usage = usage

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        self._doubts -= 1
        if self._doubts >= 0:
            raise ImageError(ErrorCode.UPSTREAM_TIMEOUT, "late", may_have_billed=True)
        return ImageResult(created=1, images=(GeneratedImage.from_bytes(PNG),), usage=self._usage)

    async def aclose(self) -> None:
        return


class Throttling(Doubtful):
    """Draws nothing, and wants to be asked again later."""

    def __init__(self) -> None:
        super().__init__(0, UNSET)

    @override
    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        raise ImageError(ErrorCode.RATE_LIMITED, "later", retry_after_s=1)


class Endless(Doubtful):
    """Draws for ever; `begun` tells when."""

    def __init__(self, doubts: int) -> None:
        super().__init__(doubts, UNSET)
        self.begun = asyncio.Event()

    @override
    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        await super().create(upstream_model, request)
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError("an event that nobody sets")


MOST_USD = Decimal("0.011645")
USED = Usage(
    total_tokens=272,
    input_tokens=0,
    output_tokens=272,
    input_tokens_details=TokenDetails(text_tokens=0, image_tokens=0),
)


@pytest.mark.parametrize(
    ("doubts", "usage", "spent_usd"),
    [
        (0, USED, Decimal("0.01088")),
        (0, UNSET, MOST_USD),
        (1, USED, Decimal("0.01088") + MOST_USD),
        (1, UNSET, 2 * MOST_USD),
        (2, USED, Decimal("0.01088") + 2 * MOST_USD),
        (3, USED, 3 * MOST_USD),
        (9, USED, 3 * MOST_USD),
    ],
)
async def test_every_call_that_may_have_been_paid_for_is_counted(
    doubts: int, usage: Usage | UnsetType, spent_usd: Decimal
) -> None:
    budgets, clock = SqliteBudgets(None), FakeClock()

    with nullcontext() if doubts < 3 else pytest.raises(ImageError):
        await run(Doubtful(doubts, usage), budgets, clock.sleep, clock)

    assert await spent_today(budgets) == micro_usd(spent_usd)


async def test_a_caller_who_leaves_while_a_vendor_is_left_alone_has_spent_nothing() -> None:
    budgets, waiting = SqliteBudgets(None), asyncio.Event()

    async def sleep(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    calling = asyncio.create_task(run(Throttling(), budgets, sleep, FakeClock()))
    await waiting.wait()
    calling.cancel()
    await asyncio.wait((calling,))

    assert calling.cancelled()
    assert await spent_today(budgets) == 0


@pytest.mark.parametrize("doubts", [0, 1])
async def test_a_caller_who_leaves_has_spent_all_that_may_have_been_drawn(doubts: int) -> None:
    budgets, clock, vendor = SqliteBudgets(None), FakeClock(), Endless(doubts)
    calling = asyncio.create_task(run(vendor, budgets, clock.sleep, clock))
    await vendor.begun.wait()

    calling.cancel()
    await asyncio.wait((calling,))

    assert calling.cancelled()
    assert await spent_today(budgets) == (doubts + 1) * micro_usd(MOST_USD)


async def run(vendor: Doubtful, budgets: SqliteBudgets, sleep: Sleep, clock: FakeClock) -> None:
    spec = load_catalogue()["openai/gpt-image-1"]
    target = Target(provider_name="p", provider=vendor, upstream_model="m", spec=spec)
    model = Model(name="gpt-image-1", contract=spec, targets=(target,), retry=RetryRules(may_pay_twice=True))
    registry = Registry([model])
    params = {name: value for name, value in CHEAP.items() if name != "model"}
    request = ImageRequest(operation=Operation.GENERATE, model="gpt-image-1", params={**params})
    engine = Engine(registry, admission=Admission(Rates(), budgets, now=lambda: NOW), clock_s=clock, sleep=sleep)
    key = KeySettings(name="k", sha256="0" * 64, budget_usd_per_day=Decimal(1))
    await engine.run(request, request_id="r", caller=Caller(key=key, registry=registry))


async def spent_today(budgets: SqliteBudgets) -> int:
    [today] = periods_at(NOW, "k", day_micro_usd=1_000_000, month_micro_usd=None)
    return (await budgets.spent([today]))["2026-11-24"]
