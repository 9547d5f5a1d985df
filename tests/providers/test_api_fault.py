"""Error bodies of all the shapes that servers send."""

import json
from typing import Any

import pytest

from imageway.providers._api_fault import Fault, read_fault, read_fault_text

HATE = {"hate": {"filtered": True, "severity": "high"}}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            {"error": {"message": "no", "type": "t", "param": "n", "code": "c"}},
            Fault(message="no", type="t", param="n", code="c"),
        ),
        ({"error": {"message": "no", "type": None, "param": None, "code": None}}, Fault(message="no")),
        (
            {"created": 1, "error": {"code": "contentFilter", "message": "no"}},
            Fault(message="no", code="contentFilter"),
        ),
        ({"error": {"code": 429, "message": ""}}, Fault(code="429")),
        ({"error": {"code": True, "message": 5, "param": ["n"], "type": {}}}, Fault()),
        ({"error": {"code": "x" * 101, "type": "a\nb"}}, Fault()),
        ({"error": "  two\n words "}, Fault(message="two words")),
        ({"error": "Bad Request", "message": "the real one"}, Fault(message="the real one")),
        ({"error": None, "message": "no"}, Fault(message="no")),
        (
            {"object": "error", "message": "no", "type": "BadRequestError", "param": None, "code": 400},
            Fault(message="no", type="BadRequestError", code="400"),
        ),
        ({"detail": "no"}, Fault(message="no")),
        ({"detail": {"error": {"message": "no", "code": "c"}}}, Fault(message="no", code="c")),
        (
            {
                "detail": [
                    {"loc": ["body", "size"], "msg": "bad", "type": "value_error", "input": "my prompt"},
                    {"loc": ["query"], "msg": "worse"},
                    {"msg": "worst"},
                    "noise",
                ]
            },
            Fault(message="size: bad; query: worse; worst", param="size"),
        ),
        ({"detail": []}, Fault()),
        ([{"error": {"message": "no", "code": 400}}], Fault(message="no", code="400")),
        ({"type": "error", "error": {"message": "no", "type": "t"}}, Fault(message="no", type="t")),
        ({"type": "error", "message": "no", "code": "c"}, Fault(message="no", code="c")),
        ("no", Fault(message="no")),
        ([], Fault()),
        (None, Fault()),
        (7, Fault()),
        ({}, Fault()),
    ],
)
def test_every_shape_of_body_is_read(body: Any, fault: Fault) -> None:
    assert read_fault(body) == fault
    assert read_fault_text(json.dumps(body)) == fault


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"upstream connect error", b"\xff", b"[" * 100_000, b"{"])
def test_what_is_no_json_tells_nothing(body: bytes) -> None:
    assert read_fault_text(body) == Fault()


def test_a_message_has_a_bound() -> None:
    assert read_fault({"message": "x" * 2000}).message == "x" * 2000
    assert read_fault({"message": "x" * 2001}).message == "x" * 2000 + "…"


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (
            {
                "moderation_details": {
                    "moderation_stage": "output",
                    "categories": ["violence", None],
                    "prompt": "a kite",
                }
            },
            {"moderation_details": {"moderation_stage": "output", "categories": ["violence"]}},
        ),
        ({"content_filter_results": HATE}, {"content_filter_results": HATE}),
        (
            {
                "inner_error": {
                    "code": "ResponsibleAIPolicyViolation",
                    "content_filter_results": {
                        **HATE,
                        "jailbreak": {"detected": False, "filtered": False},
                        "custom_blocklists": {
                            "filtered": True,
                            "details": [{"id": "b", "filtered": True, "t": "x"}],
                        },
                        "text": "a kite",
                        "quoted": {"details": "a kite"},
                        "odd": {"severity": {"x": 1}, "citation": "a kite"},
                    },
                    "revised_prompt": "a kite",
                }
            },
            {
                "inner_error": {
                    "code": "ResponsibleAIPolicyViolation",
                    "content_filter_results": {
                        **HATE,
                        "jailbreak": {"detected": False, "filtered": False},
                        "custom_blocklists": {"filtered": True, "details": [{"id": "b", "filtered": True}]},
                        "quoted": {},
                        "odd": {},
                    },
                }
            },
        ),
        (
            {"innererror": {"content_filter_result": HATE, "revised_prompt": "a kite"}},
            {"innererror": {"content_filter_result": HATE}},
        ),
        ({"moderation_details": "a kite", "inner_error": None, "content_filter_results": []}, None),
        ({"moderation_details": {}, "inner_error": {"revised_prompt": "a kite"}}, None),
    ],
)
def test_filters_are_named_with_their_verdicts_and_no_prompt_text(error: Any, details: Any) -> None:
    assert read_fault({"error": error}).details == details
    assert read_fault(error).details == details
    assert read_fault({"error": {"code": "c"}, **error}).details == details
