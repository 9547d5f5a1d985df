"""Callers with tokens of an identity provider: whose are taken, what they stand for, and what the others are told."""

import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import jwt
import openai
import pytest

from fakes.issuer import Issuer
from fakes.upstream import Upstream
from gateway_log import Log
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.issuer_keys import IssuerKeys, IssuerUnreachableError
from imageway.gateway.access.tokens import Tokens
from imageway.gateway.app import create_app
from imageway.gateway.settings import SettingsError, load_settings
from imageway.gateway.settings.oidc import OidcSettings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

CONFIG = """
providers: [{{name: main, type: openai, base_url: "{vendor}/v1", api_key: "file:{folder}/key"}}]
models:
  - {{name: dall-e-3, targets: [{{provider: main, model: dall-e-3}}]}}
  - {{name: gpt-image-1, targets: [{{provider: main, model: gpt-image-1}}]}}
keys:
  - {{name: painters, models: [dall-e-3]}}
  - {{name: both, sha256: {both}}}
oidc:
  issuer: "{issuer}"
  audience: imageway
  claim: groups
  algorithms: [ES256, RS256]
  keys: {{"ns:prod:painter": painters, admins: both}}
"""
OTHERS_SECRET = "x" * 32


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    with serving(issuer) as issuer.url:
        yield issuer


def configured(folder: Path, issuer: str, vendor: str = "http://127.0.0.1:9") -> Path:
    (folder / "key").write_text("sk-secret")
    config = folder / "gateway.yaml"
    both = sha256(b"imw_both").hexdigest()
    config.write_text(CONFIG.format(vendor=vendor, folder=folder, issuer=issuer, both=both))
    return config


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
def url(issuer: Issuer, upstream: Upstream, tmp_path: Path) -> Iterator[str]:
    with serving(upstream) as vendor:
        app = create_app(load_settings(configured(tmp_path, issuer.url, vendor)), log=logger(Log()))
        with serving(app, lifespan="on") as url:
            yield url


def claims(issuer: Issuer, **others: Any) -> dict[str, Any]:
    known = {"iss": issuer.url, "aud": "imageway", "groups": "ns:prod:painter", "exp": time.time() + 600}
    return {name: value for name, value in {**known, **others}.items() if value is not None}


def draw(url: str, token: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"}
    return httpx.post(f"{url}/v1/images/generations", json={"model": "dall-e-3", "prompt": "x"}, headers=headers)


def test_a_token_stands_for_a_key_and_its_models(url: str, issuer: Issuer, upstream: Upstream) -> None:
    painter, admin = (issuer.token(**claims(issuer, groups=groups)) for groups in ("ns:prod:painter", ["x", "admins"]))
    with openai.OpenAI(base_url=f"{url}/v1", api_key=painter, max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["dall-e-3"]
        client.images.generate(model="dall-e-3", prompt="x")
    with openai.OpenAI(base_url=f"{url}/v1", api_key=admin, max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["dall-e-3", "gpt-image-1"]

    assert draw(url, "imw_both").status_code == 200
    assert len(upstream.requests) == 2
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exp": 1}, "The token has expired."),
        ({"nbf": 4_000_000_000}, "The token isn't valid yet."),
        ({"aud": "somebody-else"}, "The token is for another audience."),
        ({"iss": "http://127.0.0.1:1"}, "The token is of another issuer."),
        ({"exp": None}, "The token lacks the claim 'exp'."),
        ({"aud": None}, "The token lacks the claim 'aud'."),
        ({"key_id": "unheard-of"}, "The token is signed with a key that its issuer doesn't have."),
    ],
)
def test_a_token_that_is_not_good_is_told_why(
    changes: dict[str, Any], message: str, url: str, issuer: Issuer, upstream: Upstream
) -> None:
    reply = draw(url, issuer.token(**claims(issuer, **changes)))

    assert reply.status_code == 401
    assert reply.json()["error"]["message"] == message
    assert (reply.json()["error"]["type"], reply.json()["error"]["code"]) == (
        "invalid_request_error",
        "invalid_api_key",
    )
    assert upstream.requests == []


def test_only_the_issuers_own_signature_counts(url: str, issuer: Issuer, upstream: Upstream) -> None:
    good = claims(issuer)
    other = Issuer()
    head, body, _ = issuer.token(**good).split(".")
    told = {
        "unsigned": draw(url, jwt.encode(good, None, algorithm="none", headers={"kid": "one"})),
        "by a shared secret": draw(url, jwt.encode(good, OTHERS_SECRET, algorithm="HS256", headers={"kid": "one"})),
        "by another key": draw(url, other.token(**good)),
        "cut": draw(url, f"{head}.{body}."),
        "nonsense": draw(url, "a.b.c"),
        "endless": draw(url, f"{head}.{body}.{'x' * 20_000}"),
    }

    assert {how: (reply.status_code, reply.json()["error"]["message"]) for how, reply in told.items()} == {
        "unsigned": (401, "The token must be signed with ES256 or RS256."),
        "by a shared secret": (401, "The token must be signed with ES256 or RS256."),
        "by another key": (401, "The token's signature is wrong."),
        "cut": (401, "The token's signature is wrong."),
        "nonsense": (401, "The token can't be read."),
        "endless": (401, "The token is too long."),
    }
    assert upstream.requests == []


def test_a_good_token_of_somebody_unknown_is_forbidden(url: str, issuer: Issuer) -> None:
    reply = draw(url, issuer.token(**claims(issuer, groups=["visitors"])))

    assert reply.status_code == 403
    assert reply.json()["error"]["message"] == (
        "The token is good, but its holder has no access here: nothing is configured for its claim 'groups'."
    )


def test_without_its_issuer_nobody_is_let_in(url: str, issuer: Issuer, upstream: Upstream) -> None:
    issuer.down = True
    reply = draw(url, issuer.token(**claims(issuer)))

    assert (reply.json()["error"]["imageway"]["code"], reply.headers["retry-after"]) == ("upstream_unavailable", "10")
    assert reply.json()["error"]["message"] == (
        "The token can't be checked, because its issuer can't be asked; nothing was sent."
    )
    assert upstream.requests == []


def checker(issuer: Issuer, now: list[float], timeout_s: float = 20.0) -> Tokens:
    settings = OidcSettings(
        issuer=issuer.url, audience="imageway", claim="groups", algorithms=("ES256",), keys={"ns:prod:painter": "p"}
    )
    return Tokens(settings, IssuerKeys(issuer.url, timeout_s=timeout_s, clock_s=lambda: now[0]))


async def test_a_new_key_of_the_issuer_is_found_and_made_up_ones_cost_it_nothing(issuer: Issuer) -> None:
    now = [0.0]
    tokens = checker(issuer, now)
    assert await tokens.key_name(issuer.token(**claims(issuer))) == "p"
    for _ in range(5):
        with pytest.raises(ImageError, match="doesn't have"):
            await tokens.key_name(issuer.token(key_id="made-up", **claims(issuer)))
    assert issuer.asked.count("/keys") == 1

    issuer.rotate("two")
    now[0] = 10.0
    assert await tokens.key_name(issuer.token(**claims(issuer))) == "p"
    assert issuer.asked.count("/keys") == 2


async def test_known_keys_outlive_an_hours_outage_but_not_a_days(issuer: Issuer) -> None:
    now = [0.0]
    tokens = checker(issuer, now)
    token = issuer.token(**claims(issuer))
    await tokens.key_name(token)
    issuer.down = True

    now[0] = 86_400.0
    assert await tokens.key_name(token) == "p"
    now[0] = 86_401.0
    with pytest.raises(ImageError) as caught:
        await tokens.key_name(token)
    assert caught.value.code is ErrorCode.UPSTREAM_UNAVAILABLE


async def test_an_issuer_that_never_answers_can_not_be_asked(issuer: Issuer) -> None:
    issuer.silent = True

    with pytest.raises(ImageError) as caught:
        await checker(issuer, [0.0], timeout_s=0.1).key_name(issuer.token(**claims(issuer)))

    assert (caught.value.code, caught.value.retry_after_s) == (ErrorCode.UPSTREAM_UNAVAILABLE, 10)


async def test_clocks_may_differ_a_little(issuer: Issuer) -> None:
    tokens = checker(issuer, [0.0])

    assert await tokens.key_name(issuer.token(**claims(issuer, exp=time.time() - 50))) == "p"
    with pytest.raises(ImageError, match="expired"):
        await tokens.key_name(issuer.token(**claims(issuer, exp=time.time() - 70)))


async def test_an_issuer_that_calls_itself_something_else_is_none(issuer: Issuer) -> None:
    issuer.calls_itself = "https://elsewhere.example"

    with pytest.raises(IssuerUnreachableError):
        await IssuerKeys(issuer.url).key("one")


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (
            'issuer: "http://127.0.0.1:9"',
            'issuer: "http://issuer.example"',
            "'http://issuer.example' must be https: who answers there lets in",
        ),
        ("admins: both", "admins: bth", "there is no key called 'bth'; there are: both, painters"),
        ('"ns:prod:painter": painters, ', "", "key 'painters' has no sha256 and no token stands for it"),
    ],
)
def test_tokens_that_could_let_nobody_in_or_anybody_are_told_at_start(
    before: str, after: str, fault: str, tmp_path: Path
) -> None:
    config = configured(tmp_path, "http://127.0.0.1:9")
    config.write_text(config.read_text().replace(before, after))

    with pytest.raises(SettingsError) as caught:
        create_app(load_settings(config))

    assert [issue.message for issue in caught.value.issues] == [fault]
