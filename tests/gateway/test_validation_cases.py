"""Every case of tests/cases/validation-cases.json over HTTP: what passes reaches the vendor, well-formed."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from case_pictures import picture
from fakes.images_api_rules import CheckedUpstream, faults_of
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from loopback import serving

Case = dict[str, Any]
Parts = list[tuple[str, tuple[str | None, bytes] | tuple[str | None, bytes, str]]]

CASES: list[Case] = json.loads(
    (Path(__file__).parents[1] / "cases" / "validation-cases.json").read_text(encoding="utf-8")
)["cases"]
TODAY = date(2026, 11, 23)
"""The day of the facts that the cases were written from."""

# The sources disagree about it; the table itself says to keep it out.
AMBIGUOUS = {"V210"}
# Refused with the vendor's status, but not with all of its words: what differs, where and why.
_NO_CODE = "DALL-E's faults had no code, which left clients with the text; here every fault has one"
_AZURES_OWN = "Azure's own code for a prompt that is too long; here it is the one that OpenAI has"
OTHER_WORDS: dict[str, tuple[set[str], str]] = {
    # A size fault has the type that the service of 2026 gives it, for DALL-E too, whose service is gone.
    **{f"V{number:03}": ({"type", "code"}, _NO_CODE) for number in range(5, 13)},
    "V085": ({"code"}, _NO_CODE),
    "V274": ({"code"}, _AZURES_OWN),
}

JUDGED = [case for case in CASES if case["id"] not in AMBIGUOUS]
_PROVIDERS = {"openai": "main", "azure_openai": "eu"}
_ROUTES = {"generate": "generations", "edit": "edits", "variation": "variations"}


def _config(url: str, key: Path) -> str:
    models = [
        {
            "name": f"{mode}/{provider}/{model}",
            "contract": f"{provider.removesuffix('_openai')}/{model}",
            "validation": "tolerant" if mode == "tolerant" else "strict",
            "lifecycle": "enforce" if mode == "enforce" else "warn",
            "targets": [{"provider": _PROVIDERS[provider], "model": model}],
        }
        for mode in ("strict", "tolerant", "enforce")
        for provider, model in sorted({(case["provider"], case["model"]) for case in CASES})
        if model != "no-such-model"
    ]
    secret = f"file:{key}"
    providers = [
        {"name": "main", "type": "openai", "base_url": f"{url}/v1", "api_key": secret},
        {"name": "eu", "type": "azure", "endpoint": url, "api_key": secret},
    ]
    return json.dumps({"providers": providers, "models": models})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, CheckedUpstream]]:
    folder = tmp_path_factory.mktemp("gateway")
    (folder / "key").write_text("sk-secret\n")
    upstream = CheckedUpstream()
    with ExitStack() as stack:
        url = stack.enter_context(serving(upstream))
        (folder / "gateway.yaml").write_text(_config(url, folder / "key"))
        app = create_app(load_settings(folder / "gateway.yaml"), log=logger(level=50), today=lambda: TODAY)
        base_url = stack.enter_context(serving(app, lifespan="on"))
        yield stack.enter_context(httpx.Client(base_url=base_url, timeout=30)), upstream


@pytest.fixture
def gateway(served: tuple[httpx.Client, CheckedUpstream]) -> httpx.Client:
    return served[0]


@pytest.fixture
def upstream(served: tuple[httpx.Client, CheckedUpstream]) -> CheckedUpstream:
    served[1].faults.clear()
    return served[1]


def _post(gateway: httpx.Client, case: Case, *, mode: str = "strict") -> httpx.Response:
    url = f"/v1/images/{_ROUTES[case['operation']]}"
    fields = {"model": f"{mode}/{case['provider']}/{case['model']}", **_filled(case["request"])}
    if case["transport"] == "json":
        return gateway.post(url, json=fields)
    parts: Parts = [(name, (None, _as_text(value).encode())) for name, value in fields.items()]
    parts += [(file["field"], (file["filename"], _content(file), file["content_type"])) for file in case["files"]]
    return gateway.post(url, files=parts)


def _filled(value: Any) -> Any:
    match value:
        case {"$repeat": [str(text), int(times)]}:
            return text * times
        case dict():
            return {key: _filled(inner) for key, inner in value.items()}
        case list():
            return [_filled(inner) for inner in value]
        case str():
            return value.replace("$PNG_1024_RGBA", base64.b64encode(picture("png", 1024, 1024)).decode())
        case _:
            return value


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _content(file: Case) -> bytes:
    return picture(
        file["format"],
        file["width"],
        file["height"],
        mode=file["mode"],
        transparent=file["alpha"] == "some",
        padded_to=file["bytes"],
    )


def _mode(case: Case) -> str:
    return str(case.get("lifecycle", "strict"))


def _plain(param: str | None) -> str | None:
    """*param* without the position: `image[]` is `image`, and `images[0]` is `images`."""
    return param and re.sub(r"\[[0-9]*\]$", "", param)


def _id(case: Case) -> str:
    return "-".join(case[key] for key in ("id", "provider", "model", "operation", "rule", "expect"))


@pytest.mark.parametrize("case", [case for case in JUDGED if case["expect"] == "accept"], ids=_id)
def test_what_the_vendor_takes_reaches_it_once_and_well_formed(
    gateway: httpx.Client, upstream: CheckedUpstream, case: Case
) -> None:
    reply = _post(gateway, case, mode=_mode(case))

    assert (reply.status_code, upstream.faults) == (200, [[]]), reply.text
    if case["request"].get("stream") in (True, "true"):
        assert reply.text.count("event: image_") == 1
    else:
        assert reply.json()["data"][0]["b64_json"]


@pytest.mark.parametrize("case", [case for case in JUDGED if case["expect"] == "reject"], ids=_id)
def test_what_the_vendor_refuses_is_refused_by_name_and_never_sent(
    gateway: httpx.Client, upstream: CheckedUpstream, case: Case
) -> None:
    reply = _post(gateway, case, mode=_mode(case))

    error = reply.json()["error"]
    assert (400 <= reply.status_code < 500, _plain(error["param"])) == (True, case["fault_param"]), reply.text
    assert {"message", "type", "param", "code"} <= set(error)
    assert upstream.faults == []


@pytest.mark.parametrize(
    "case", [case for case in JUDGED if case["expect"] == "reject" and "upstream" in case], ids=_id
)
def test_a_refusal_has_the_vendors_status_type_and_code(gateway: httpx.Client, case: Case) -> None:
    reply = _post(gateway, case, mode=_mode(case))

    error = reply.json()["error"]
    ours = {"status": reply.status_code, "type": error["type"], "code": error["code"]}
    differing = {name for name, value in case["upstream"].items() if name in ours and value != ours[name]}
    assert differing == OTHER_WORDS.get(case["id"], (set(), ""))[0]


@pytest.mark.parametrize("case", [case for case in CASES if "lenient_expect" in case], ids=_id)
def test_a_tolerant_model_takes_what_it_may(gateway: httpx.Client, upstream: CheckedUpstream, case: Case) -> None:
    reply = _post(gateway, case, mode="tolerant")

    assert case["lenient_expect"] == "accept"
    assert (reply.status_code, upstream.faults) == (200, [[]]), reply.text
    assert reply.headers["imageway-translated"] == "drop-response-format"


@pytest.mark.parametrize(("size", "status"), [(50 * 2**20 - 1, 200), (50 * 2**20, 400)])
def test_a_picture_is_less_than_50_mb(gateway: httpx.Client, upstream: CheckedUpstream, size: int, status: int) -> None:
    reply = gateway.post(
        "/v1/images/edits",
        data={"model": "strict/openai/gpt-image-1", "prompt": "a hat"},
        files={"image": ("a.png", picture("png", padded_to=size))},
    )

    assert (reply.status_code, upstream.faults) == (status, [[]] if status == 200 else [])


def test_no_case_is_left_out_without_a_reason() -> None:
    assert {case["id"] for case in CASES if case.get("ambiguous")} == AMBIGUOUS
    assert (len(CASES), len(JUDGED)) == (215, 215 - len(AMBIGUOUS))


def test_the_second_opinion_has_one() -> None:
    """Bodies as no gateway may send them, each with what is wrong about it."""
    png = picture("png", mode="RGB")

    def told(fields: dict[str, Any], path: str = "/v1/images/generations") -> list[str]:
        return faults_of(
            path, "application/json", json.dumps({"model": "gpt-image-1", "prompt": "x", **fields}).encode()
        )

    def form(*parts: tuple[str, tuple[str | None, bytes] | tuple[str | None, bytes, str]]) -> list[str]:
        texts: Parts = [("model", (None, b"gpt-image-1")), ("prompt", (None, b"x"))]
        request = httpx.Request("POST", "http://h", files=[*texts, *parts])
        return faults_of("/v1/images/edits", request.headers["content-type"], request.read())

    assert told({}) == []
    assert told({"n": "2", "response_format": None, "prompt": None}) == [
        "prompt: null",
        "n: '2' is no integer",
        "unknown field response_format",
    ]
    assert told({"model": "gpt-image-2", "size": "1000x1000", "user": None}) == [
        "size: '1000x1000' is off the grid",
        "user: null",
    ]
    assert told({"output_compression": 50}) == ["output_compression below 100 without its format"]
    assert told({"model": "m"}) == ["no openai model m"]
    assert told({"model": "dall-e-3"}, "/v1/images/edits") == ["dall-e-3 has no edit"]
    assert form(("image", ("a", png, "image/png"))) == []
    assert form() == ["0 images"]
    assert form(("n", (None, b"2.5")), ("image", ("a", png, "image/jpeg")), ("photo", ("b", png, "image/png"))) == [
        "n: '2.5' is no integer",
        "image is image/png, labelled image/jpeg",
        "unknown file photo",
    ]
    assert form(("image[]", ("a", png, "image/png"))) == ["1 images under ['image[]']"]
    assert form(*[("image", ("a", png, "image/png"))] * 2) == ["2 images under ['image', 'image']"]
