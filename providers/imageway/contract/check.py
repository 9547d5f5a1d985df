"""The check: every way in which a request exceeds a model's spec, in the order in which the vendor would tell.

Pure and total: it reads facts, opens nothing, and never changes the request.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from imageway.contract.check_files import file_violations
from imageway.contract.check_params import condition_violations, param_violations
from imageway.contract.errors import Violation
from imageway.contract.request import ImageRequest
from imageway.contract.spec import ModelSpec, OperationSpec, Text
from imageway.contract.wording import characters, quoted_list, shortened

__all__ = ("accepting", "hinted", "violations")

_VENDOR_ORDER = ("model", "?", "prompt", "image", "n", "quality", "output_compression", "size")
"""Measured in 2026-08: model, unknown fields, prompt, images, n, quality, output_compression, size; then the rest."""


def violations(request: ImageRequest, spec: ModelSpec) -> tuple[Violation, ...]:
    """What is wrong with *request* for the model that *spec* describes; empty where it may be sent.

    `request.model` isn't compared with the spec: callers' names are the registry's business.
    """
    operation = spec.operations.get(request.operation)
    if operation is None:
        return (_no_operation(request, spec),)
    outside = tuple(param_violations(request.params, operation.params))
    found = [
        *_unknown(request, operation),
        *_missing(request, operation),
        *outside,
        *condition_violations(request.params, operation, faulty={violation.param for violation in outside}),
        *file_violations(request, operation),
    ]
    return tuple(sorted(found, key=_rank))


def accepting(request: ImageRequest, specs: Mapping[str, ModelSpec]) -> tuple[str, ...]:
    """The names in *specs* that would take *request* as it is, in the order of the mapping."""
    return tuple(name for name, spec in specs.items() if not violations(request, spec))


def hinted(request: ImageRequest, found: Iterable[Violation], specs: Mapping[str, ModelSpec]) -> tuple[Violation, ...]:
    """*found* again, each told which of the models in *specs* have no quarrel with that parameter."""
    faulty = {name: {violation.param for violation in violations(request, spec)} for name, spec in specs.items()}
    return tuple(
        replace(
            violation,
            accepted_by=tuple(name for name, params in faulty.items() if not params & {violation.param, "model"}),
        )
        for violation in found
    )


def _rank(violation: Violation) -> int:
    key = "?" if violation.code == "unknown_parameter" else violation.param
    return _VENDOR_ORDER.index(key) if key in _VENDOR_ORDER else len(_VENDOR_ORDER)


def _no_operation(request: ImageRequest, spec: ModelSpec) -> Violation:
    others = f" It does: {', '.join(spec.operations)}." if spec.operations else ""
    return Violation(
        param="model",
        message=(
            f"The model '{request.model}' has no {request.operation} operation:"
            f" {spec.reason_without(request.operation)}.{others}"
        ),
        code="invalid_value",
        type="image_generation_user_error",
        value=request.model,
        allowed=[str(name) for name in spec.operations],
    )


def _unknown(request: ImageRequest, operation: OperationSpec) -> Iterator[Violation]:
    for name, value in request.params.items():
        if name not in operation.params:
            yield Violation(
                param=name,
                message=f"Unknown parameter: '{name}'. Parameters here: {quoted_list(sorted(operation.params))}.",
                code="unknown_parameter",
                value=shortened(value),
                allowed=sorted(operation.params),
            )


def _missing(request: ImageRequest, operation: OperationSpec) -> Iterator[Violation]:
    for name, param in operation.params.items():
        if isinstance(param, Text) and param.required and name not in request.params:
            yield Violation(
                param=name,
                message=f"Missing required parameter: '{name}'.",
                code="missing_required_parameter",
                allowed=f"text of {characters(param.min_chars, param.max_chars)}",
            )
