"""What a provider answers with. Pictures stay the base64 text that they arrived as until somebody wants the bytes."""

import base64
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from imageway.contract.content import Content

__all__ = ("Answer", "GeneratedImage", "ImageResult", "TokenDetails", "Usage")


_Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
"""A negative one would give money back, and no encoder takes any number."""


class TokenDetails(Struct, frozen=True, kw_only=True):
    """How a token count splits."""

    text_tokens: _Count = 0
    image_tokens: _Count = 0


class Usage(Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Tokens of a whole call, as the GPT image models report them. Clients insist on the input details."""

    total_tokens: _Count
    input_tokens: _Count
    output_tokens: _Count
    input_tokens_details: TokenDetails
    output_tokens_details: TokenDetails | UnsetType = UNSET


class GeneratedImage(Struct, frozen=True, kw_only=True):
    """One picture: base64 or a link, never both.

    `b64_json` is a JSON string literal, quotes included, so that a gateway can pass megabytes on without decoding them.
    The filter results are Azure's JSON objects, as they came.
    """

    b64_json: Raw | UnsetType = UNSET
    url: str | UnsetType = UNSET
    revised_prompt: str | UnsetType = UNSET
    content_filter_results: Raw | UnsetType = UNSET
    prompt_filter_results: Raw | UnsetType = UNSET

    @classmethod
    def from_bytes(cls, content: bytes, *, revised_prompt: str | UnsetType = UNSET) -> "GeneratedImage":
        return cls(b64_json=Raw(b'"' + base64.b64encode(content) + b'"'), revised_prompt=revised_prompt)

    @property
    def size_bytes(self) -> int:
        """How large the picture is, by the length of its text, which isn't decoded; 0 where there is a link instead."""
        if isinstance(self.b64_json, UnsetType):
            return 0
        text = memoryview(self.b64_json)
        padding = bytes(text[-3:-1]).count(b"=")
        return (len(text) - 2) * 3 // 4 - padding

    @property
    def content(self) -> bytes:
        """The picture's bytes, decoded anew at every call.

        Raises `ValueError` where the answer carries a link instead, or base64 that is broken.
        """
        if isinstance(self.b64_json, UnsetType):
            raise ValueError("this picture came as a link, not as bytes")
        try:
            return msgspec.json.decode(self.b64_json, type=bytes)
        except msgspec.DecodeError as error:
            raise ValueError("the picture's base64 text is broken") from error


class ImageResult(Struct, frozen=True, kw_only=True):
    """An answer: at least one picture, and what the model said of it.

    `created` is in Unix seconds. `background`, `output_format`, `quality` and `size` are resolved values, absent where
    the model doesn't tell; `auto` in them breaks strict clients. `svg_usage` is a JSON object, as it came.
    `upstream_request_id` is the vendor's; `upstream_headers` are what it told beside the answer, such as rate limits,
    by lower-case name.

    `as_it_came` is the vendor's whole answer where it says the same as the rest, so that it can be passed on as it is;
    whoever changes anything else sets it to None.
    """

    created: int
    images: tuple[GeneratedImage, ...]
    background: str | UnsetType = UNSET
    output_format: str | UnsetType = UNSET
    quality: str | UnsetType = UNSET
    size: str | UnsetType = UNSET
    usage: Usage | UnsetType = UNSET
    safety_identifier: str | UnsetType = UNSET
    svg_usage: Raw | UnsetType = UNSET
    upstream_request_id: str | None = None
    upstream_headers: dict[str, str] = {}
    as_it_came: Content | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """An answer as it is on the wire, where it is as documented."""

    created: int
    data: tuple[GeneratedImage, ...]
    background: str | UnsetType = UNSET
    output_format: str | UnsetType = UNSET
    quality: str | UnsetType = UNSET
    size: str | UnsetType = UNSET
    usage: Usage | UnsetType = UNSET
    safety_identifier: str | UnsetType = UNSET
    svg_usage: Raw | UnsetType = UNSET
