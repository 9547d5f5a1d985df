"""The answer's side: links where the contract has links, and no field that it hasn't."""

from collections.abc import Iterator

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from imageway.contract.result import ImageResult
from imageway.contract.spec import Choice, OperationSpec, Output
from imageway.providers.translation._draft import Draft, Pair

__all__ = ("answer_in_terms_of", "fields_told", "response_format")


def response_format(draft: Draft, pair: Pair) -> Draft:
    """What the caller is to get, in the target's terms; links are the gateway's to make where the target has none.

    A picture that is yet to be resized must come as bytes.
    """
    domain = pair.target.params.get("response_format")
    offered = domain.values if isinstance(domain, Choice) else [pair.target.output.default]
    stated = draft.request.params.get("response_format")
    wanted = pair.contract.output.default if stated is None else stated
    if wanted in offered and (wanted != "url" or draft.resize_to is None):
        sent = wanted
    elif wanted == "url" and "b64_json" in offered:
        sent = "b64_json"
        draft = replace(draft, links=True)
    elif wanted == "url":
        return draft.refusing(
            "size",
            f"A picture of this size is drawn larger and resized, but {pair.target_model} answers with links only.",
            value=draft.request.params.get("size"),
            allowed="a size that is drawn as it is",
        )
    elif wanted == "b64_json":
        return draft.refusing(
            "response_format",
            f"{pair.target_model} answers with links only, never with 'b64_json'.",
            value=stated,
            allowed="'url'",
        )
    else:
        return draft
    if not isinstance(domain, Choice):
        return draft.without_param("response_format")
    if stated is None and sent == pair.target.output.default:
        return draft
    return draft.with_param("response_format", sent)


def fields_told(output: Output) -> tuple[str, ...]:
    """The fields of an `ImageResult` and its pictures that an answer of this kind carries besides the pictures."""
    optional = (("usage", output.usage), ("revised_prompt", output.revised_prompt))
    return (*output.echoes, *(name for name, told in optional if told))


def answer_in_terms_of(contract: OperationSpec, result: ImageResult, resize_to: tuple[int, int] | None) -> ImageResult:
    """*result* with what *contract* tells and nothing else; its pictures as they are."""
    told = fields_told(contract.output)
    size = f"{resize_to[0]}x{resize_to[1]}" if resize_to else result.size
    images = result.images
    if "revised_prompt" not in told:
        images = tuple(replace(image, revised_prompt=UNSET) for image in images)
    return replace(
        result,
        as_it_came=None,
        images=images,
        size=size if "size" in told else UNSET,
        usage=result.usage if "usage" in told else UNSET,
        **dict(_echoes(contract, result, told)),
    )


def _echoes(
    contract: OperationSpec, result: ImageResult, told: tuple[str, ...]
) -> Iterator[tuple[str, str | UnsetType]]:
    """A value that the contract doesn't know isn't told either: strict clients fail on it."""
    for name in ("background", "output_format", "quality"):
        value: str | UnsetType = getattr(result, name)
        domain = contract.params.get(name)
        unknown = isinstance(domain, Choice) and value not in domain.values
        yield name, UNSET if name not in told or unknown else value
