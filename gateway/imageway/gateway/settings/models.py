"""`models:`, what callers name and what serves it."""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from imageway.contract.validation import Validation
from imageway.providers.registry import LifecycleMode

__all__ = ("ModelSettings", "Name", "TargetSettings")

Name: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@+-]*$", max_length=128)]
"""A model's or a provider's."""


class TargetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model on a provider. `spec` may be left out where the provider's kind and `model` name a catalogue row.

    With `translate` requests to the model's contract are mapped onto `spec` by named rules; without, they go unchanged.
    """

    provider: str
    model: str
    spec: str | None = None
    translate: bool = False


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What callers name. `contract` may be left out where `name`, or else the first target, names a catalogue row.

    `lifecycle` says what the shutdown dates of its targets' specs do: `warn` tells, `enforce` refuses from then on, on
    whatever host. Left out, they are told where the vendor itself is called.
    `validation` is how strictly callers are checked against it; false is how YAML reads a bare `off`.
    """

    name: Name
    targets: list[TargetSettings]
    contract: str | None = None
    validation: Validation | bool = "strict"
    lifecycle: LifecycleMode | None = None
