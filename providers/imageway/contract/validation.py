"""How strictly a model's callers are checked, and what a tolerant model forgives: the harmless and known, by name."""

from typing import Literal, TypeAlias

from msgspec.structs import replace

from imageway.contract.check import violations
from imageway.contract.errors import Violation
from imageway.contract.request import ImageRequest
from imageway.contract.spec import ModelSpec

__all__ = ("DROP_RESPONSE_FORMAT", "Validation", "forgiven", "violations_under")

Validation: TypeAlias = Literal["strict", "tolerant", "off"]
"""`strict`: whatever exceeds the spec is refused. `tolerant`: after `forgiven`. `off`: nothing is checked."""

DROP_RESPONSE_FORMAT = "drop-response-format"
"""Many clients ask every model for base64, and the models without this parameter answer with nothing else."""


def forgiven(request: ImageRequest, spec: ModelSpec) -> tuple[ImageRequest, tuple[str, ...]]:
    """*request* without what is harmless although *spec* doesn't know it, and the names of the rules that did it."""
    operation = spec.operations.get(request.operation)
    if operation is None or "response_format" in operation.params or operation.output.default != "b64_json":
        return request, ()
    if request.params.get("response_format", "url") not in ("b64_json", None):
        return request, ()
    params = {name: value for name, value in request.params.items() if name != "response_format"}
    return replace(request, params=params), (DROP_RESPONSE_FORMAT,)


def violations_under(validation: Validation, request: ImageRequest, spec: ModelSpec) -> tuple[Violation, ...]:
    """What stands against *request* where its model is checked by *validation*."""
    match validation:
        case "off":
            return ()
        case "tolerant":
            return violations(forgiven(request, spec)[0], spec)
        case "strict":
            return violations(request, spec)
