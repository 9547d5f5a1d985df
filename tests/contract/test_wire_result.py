"""What stands beside a picture survives the way from a vendor's answer to a caller."""

import json
from typing import Any

import pytest

from imageway.contract.result import GeneratedImage, ImageResult
from imageway.contract.wire import result_body
from imageway.contract.wire_result import read_result

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
