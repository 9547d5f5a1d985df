"""What the rules work on: a request on its way from one spec to another."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.errors import Violation
from imageway.contract.request import ImageRequest, JsonValue
from imageway.contract.spec import OperationSpec

__all__ = ("Draft", "Pair", "Rule")


class Pair(Struct, frozen=True, kw_only=True):
    """One operation as the contract promises it, and as the target has it; `target_model` names that in messages."""

    contract: OperationSpec
    target: OperationSpec
    target_model: str


class Draft(Struct, frozen=True, kw_only=True):
    """A request part of the way through the rules; for `resize_to` and `links` see `Translation`.

    `refusals` are wishes that a rule knows to be unmappable, in words that the target's spec couldn't find.
    """

    request: ImageRequest
    resize_to: tuple[int, int] | None = None
    links: bool = False
    refusals: tuple[Violation, ...] = ()

    def with_param(self, name: str, value: JsonValue) -> "Draft":
        """This draft with one parameter set; the draft itself where nothing changes."""
        if self.request.params.get(name) == value:
            return self
        return replace(self, request=replace(self.request, params={**self.request.params, name: value}))

    def without_param(self, name: str) -> "Draft":
        """This draft with one parameter left out; the draft itself where it wasn't there."""
        if name not in self.request.params:
            return self
        params = {key: value for key, value in self.request.params.items() if key != name}
        return replace(self, request=replace(self.request, params=params))

    def refusing(self, param: str, message: str, *, value: JsonValue = None, allowed: str) -> "Draft":
        violation = Violation(
            param=param,
            message=message,
            code="invalid_value",
            type="image_generation_user_error",
            value=value if isinstance(value, str | int | float) else None,
            allowed=allowed,
        )
        return replace(self, refusals=(*self.refusals, violation))


class Rule(Struct, frozen=True, kw_only=True):
    """A named way to say the same to another model.

    `apply` is pure, and returns the very draft that it got where there was
    nothing to do: a rule that returns another one has fired.
    """

    name: str
    sentence: str
    apply: Callable[[Draft, Pair], Draft]
