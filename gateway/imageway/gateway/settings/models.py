"""`models:`, what callers name and what serves it."""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from imageway.contract.validation import Validation
from imageway.providers.registry import LifecycleMode
from imageway.providers.traffic_rules import BreakerRules

__all__ = ("ModelSettings", "Name", "TargetSettings")

Name: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@+-]*$", max_length=128)]
"""A model's or a provider's."""

_Count: TypeAlias = Annotated[int, Meta(ge=1)]


class TargetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model on a provider. `spec` may be left out where the provider's kind and `model` name a catalogue row.

    With `translate` requests to the model's contract are mapped onto `spec` by named rules; without, they go unchanged.
    Targets of a lower `priority` are asked first; left out, it is the position in the list, from 1. Those of the same
    share calls by `weight`. One that has `max_in_flight` calls, or as many calls or pictures in the last minute as it
    may, is passed over. A `breaker` takes the place of the model's.
    """

    provider: str
    model: str
    spec: str | None = None
    translate: bool = False
    priority: Annotated[int, Meta(ge=1, le=1000)] | None = None
    weight: Annotated[int, Meta(ge=1, le=1000)] = 1
    max_in_flight: _Count | None = None
    requests_per_minute: _Count | None = None
    images_per_minute: _Count | None = None
    breaker: BreakerRules | None = None


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What callers name. `contract` may be left out where `name`, or else the first target, names a catalogue row.

    `lifecycle` says what the shutdown dates of its targets' specs do: `warn` tells, `enforce` refuses from then on, on
    whatever host. Left out, they are told where the vendor itself is called.
    `validation` is how strictly callers are checked against it; false is how YAML reads a bare `off`.
    `retries` is how often its targets are asked again where it is known that nobody drew, and waiting may help;
    `retry_wait_s` bounds the waits of a call together. With `may_pay_twice` a call whose end is unknown is sent again
    as well, and perhaps drawn and charged for twice.
    """

    name: Name
    targets: list[TargetSettings]
    contract: str | None = None
    validation: Validation | bool = "strict"
    lifecycle: LifecycleMode | None = None
    retries: Annotated[int, Meta(ge=0, le=10)] = 2
    retry_wait_s: Annotated[float, Meta(ge=0, le=600)] = 20.0
    may_pay_twice: bool = False
    breaker: BreakerRules = BreakerRules()
