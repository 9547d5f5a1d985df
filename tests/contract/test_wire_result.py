"""What stands beside a picture survives the way from a vendor's answer to a caller."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imageway.contract.long_strings import Shortened
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.contract.wire import result_body
from imageway.contract.wire_result import _by_parts, _documented, read_result

FILTERED = {"hate": {"filtered": False, "severity": "safe"}, "new": [1, {"x": None}]}


def test_filter_results_identifiers_and_further_usage_go_through_as_they_came() -> None:
    answer = {
        "created": 1,
        "data": [
            {
                "b64_json": "eA==",
                "revised_prompt": "a kite, in oil",
                "content_filter_results": FILTERED,
                "prompt_filter_results": {**FILTERED, "jailbreak": {"detected": False, "filtered": False}},
            },
            {"url": "https://images.example/1.png"},
        ],
        "safety_identifier": "s-1",
        "svg_usage": {"total_tokens": 9, "new": {}},
    }

    assert json.loads(result_body(read_result(json.dumps(answer).encode()))) == answer


@pytest.mark.parametrize("value", [None, 5, "text", [], True])
def test_what_should_be_an_object_and_is_none_counts_as_absent(value: Any) -> None:
    answer = {
        "created": 1,
        "data": [{"url": "u", "content_filter_results": value, "prompt_filter_results": value}],
        "svg_usage": value,
        "safety_identifier": None,
    }

    assert read_result(json.dumps(answer, indent=4).encode()) == ImageResult(
        created=1, images=(GeneratedImage(url="u"),)
    )


def test_an_object_is_found_behind_whitespace() -> None:
    read = read_result(b'{"created": 1, "data": [{"url": "u"}], "svg_usage" :\n\t {"a": 1} }')

    assert json.loads(result_body(read))["svg_usage"] == {"a": 1}


def test_given_headers_are_kept_beside_the_pictures_and_stay_off_the_wire() -> None:
    read = read_result(b'{"created": 1, "data": [{"url": "u"}]}', headers={"x-ratelimit-limit-images": "5"})

    assert read.upstream_headers == {"x-ratelimit-limit-images": "5"}
    assert json.loads(result_body(read)) == {"created": 1, "data": [{"url": "u"}]}


USAGE = {"total_tokens": 3, "input_tokens": 1, "output_tokens": 2, "input_tokens_details": {}}
PICTURE: dict[str, Any] = {"b64_json": "eA==", "revised_prompt": "a kite", "content_filter_results": FILTERED}
DOCUMENTED: dict[str, Any] = {
    "created": 1, "quality": "low", "background": "opaque", "output_format": "png", "size": "1x1", "usage": USAGE,
    "safety_identifier": "s-1", "svg_usage": {"a": 1}, "new": "n",
}  # fmt: skip
odd = st.sampled_from(["other", "", "auto", "hd", "jpg", "x" * 5000, None, 1, 1.5, {"a": "x"}, [None]])


def but(documented: dict[str, Any], *more: str) -> st.SearchStrategy[dict[str, Any]]:
    """*documented*, with a field or two that are otherwise."""
    changed = st.dictionaries(st.sampled_from([*documented, *more]), odd, max_size=2)
    return changed.map(lambda fields: {**documented, **fields})


pictures = st.lists(st.one_of(but(PICTURE, "url"), but({"url": "u"}, "b64_json")), max_size=2)
answers = st.builds(lambda data, beside: {"data": data, **beside}, pictures, but(DOCUMENTED))


@settings(max_examples=1000, deadline=None)
@given(answers)
def test_what_is_read_at_once_is_the_same_part_by_part(answer: dict[str, Any]) -> None:
    body = json.dumps(answer).encode()

    at_once = _documented(Shortened(body))

    assert at_once is None or (at_once, True) == _by_parts(Shortened(body, longest=len(body)), None)


def test_what_is_as_documented_is_read_at_once() -> None:
    answer = {"data": [{**PICTURE, "b64_json": "x" * 5000}, {"url": "u"}], **DOCUMENTED}

    assert _documented(Shortened(json.dumps(answer).encode())) is not None


@pytest.mark.parametrize(
    ("tokens", "counted"), [(-1, None), (0, 0), (2**53, 2**53), (2**53 + 1, None), (10**400, None)]
)
def test_a_usage_that_nothing_can_have_counts_as_absent(tokens: int, counted: int | None) -> None:
    """A negative one would give a key's budget back."""
    usage = {"total_tokens": 1, "input_tokens": 1, "output_tokens": tokens, "input_tokens_details": {}}

    read = read_result(json.dumps({"created": 1, "data": [{"b64_json": "aaaa"}], "usage": usage}).encode())

    assert getattr(read.usage, "output_tokens", None) == counted
    assert "b64_json" in json.loads(result_body(read))["data"][0]
