"""The model list: what `GET /v1/models` says of each model, for the gateway's side and the client's."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.spec import ModelSpec
from imageway.contract.validation import Validation

__all__ = ("SCHEMA", "ModelCard", "TranslationNotice", "card_body", "cards_body", "read_cards")

SCHEMA = 1
"""The version of what stands under `imageway` in the entries."""


class TranslationNotice(Struct, frozen=True, kw_only=True):
    """The rules by which requests may be changed on their way to *target*: a sentence by the rule's name."""

    target: str
    rules: dict[str, str]


class ModelCard(Struct, frozen=True, kw_only=True):
    """What a client may know of a model: what its callers are checked against, how strictly, and what serves it.

    `targets` are in the order in which they are tried; a gateway from before they were told tells none.
    """

    spec: ModelSpec
    validation: Validation = "strict"
    targets: tuple[str, ...] = ()
    translations: tuple[TranslationNotice, ...] = ()


class _Extension(Struct, frozen=True, kw_only=True, omit_defaults=True):
    schema: int
    spec: ModelSpec
    validation: object = None
    targets: tuple[str, ...] = ()
    translations: tuple[TranslationNotice, ...] = ()


class _Entry(Struct, frozen=True, kw_only=True):
    id: str
    created: int = 0
    owned_by: str = "imageway"
    object: Literal["model"] = "model"
    imageway: _Extension | UnsetType = UNSET


class _List(Struct, frozen=True, kw_only=True):
    data: list[_Entry]
    object: Literal["list"] = "list"


def cards_body(cards: Mapping[str, ModelCard]) -> bytes:
    """OpenAI's list of models; each entry has its card under `imageway`, which other clients ignore."""
    return msgspec.json.encode(_List(data=[_entry(name, card) for name, card in cards.items()]))


def card_body(name: str, card: ModelCard) -> bytes:
    """One entry of the list, as OpenAI answers for a model by its name."""
    return msgspec.json.encode(_entry(name, card))


def _entry(name: str, card: ModelCard) -> _Entry:
    extension = _Extension(
        schema=SCHEMA,
        spec=card.spec,
        validation=card.validation,
        targets=card.targets,
        translations=card.translations,
    )
    return _Entry(id=name, owned_by=card.spec.kind, imageway=extension)


def read_cards(body: bytes) -> dict[str, ModelCard]:
    """The cards by model name of a gateway's list; entries without a spec are left out.

    Raises `ImageError` where the answer is no such list.
    """
    try:
        entries = msgspec.json.decode(body, type=_List).data
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ImageError(
            ErrorCode.UPSTREAM_UNAVAILABLE, "The answer to /v1/models is not a list of models; is this a gateway?"
        ) from error
    return {
        entry.id: ModelCard(
            spec=entry.imageway.spec,
            validation=_validation(entry.imageway.validation),
            targets=entry.imageway.targets,
            translations=entry.imageway.translations,
        )
        for entry in entries
        if isinstance(entry.imageway, _Extension)
    }


def _validation(told: object) -> Validation:
    match told:
        case "tolerant" | "off":
            return told
        case _:
            return "strict"
