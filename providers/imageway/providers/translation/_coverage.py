"""What a target can do for a contract at all: for start-up errors and for the list of models."""

import itertools
from collections.abc import Iterator, Sequence
from math import gcd

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.check import violations
from imageway.contract.content import BytesContent
from imageway.contract.errors import UnsupportedError, Violation
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.spec import Choice, ModelSpec, OperationSpec, Size, Text
from imageway.providers.translation._draft import Pair, Rule
from imageway.providers.translation._rules import RULES
from imageway.providers.translation._size import drawing_size, is_legal, pixels
from imageway.providers.translation._translate import through_rules, translated

__all__ = ("Coverage", "coverage", "minimal_request", "rules_between")


class Coverage(Struct, frozen=True, kw_only=True):
    """The contract's operations that a target serves, at least for some requests, and why not the others."""

    operations: tuple[Operation, ...]
    reasons: dict[Operation, str]

    @property
    def serves_any(self) -> bool:
        return bool(self.operations)


def coverage(contract: ModelSpec, target: ModelSpec, *, translate: bool) -> Coverage:
    """Which operations of *contract* requests can be made of that *target* serves, translated or as they are.

    Tried out with the smallest request of each operation; where its defaults are at fault, with the other values.
    """
    operations: list[Operation] = []
    reasons: dict[Operation, str] = {}
    for operation in contract.operations:
        request = minimal_request(operation, contract)
        found = _refused(request, contract, target, translate=translate)
        if not found or any(
            not _refused(attempt, contract, target, translate=translate)
            for attempt in _other_values(request, found, contract, target)
        ):
            operations.append(operation)
        else:
            reasons[operation] = " ".join(violation.message for violation in found)
    return Coverage(operations=tuple(operations), reasons=reasons)


def rules_between(contract: ModelSpec, target: ModelSpec) -> tuple[Rule, ...]:
    """The rules that some request to *contract* fires on its way to *target*, in the order of their application."""
    fired: set[str] = set()
    for operation, promised in contract.operations.items():
        if operation in target.operations:
            pair = Pair(contract=promised, target=target.operations[operation], target_model=target.model)
            for probe in _probes(operation, contract, target):
                fired.update(_rules_for(probe, pair, target))
    return tuple(rule for rule in RULES if rule.name in fired)


def minimal_request(operation: Operation, spec: ModelSpec) -> ImageRequest:
    """The least that keeps to *spec*: texts of one character, and square pictures that have transparency.

    The pictures are facts without pixels: they pass checks, and mean nothing to a vendor.
    """
    promised = spec.operations[operation]
    params: dict[str, JsonValue] = {
        name: "x" * max(1, domain.min_chars)
        for name, domain in promised.params.items()
        if isinstance(domain, Text) and domain.required
    }
    images: tuple[ImageInput, ...] = ()
    if promised.images is not None:
        form = ImageFormat.PNG if ImageFormat.PNG in promised.images.formats else promised.images.formats[0]
        facts = ImageFacts(format=form, width_px=1024, height_px=1024, has_alpha=True)
        images = (ImageInput(source=BytesContent(b"x"), facts=facts),) * promised.images.min_count
    return ImageRequest(operation=operation, model=spec.model, params=params, images=images)


def _refused(
    request: ImageRequest, contract: ModelSpec, target: ModelSpec, *, translate: bool
) -> tuple[Violation, ...]:
    if not translate:
        return violations(request, target)
    try:
        translated(request, contract, target)
    except UnsupportedError as error:
        return error.violations
    return ()


def _other_values(
    request: ImageRequest, found: Sequence[Violation], contract: ModelSpec, target: ModelSpec
) -> Iterator[ImageRequest]:
    """*request* with every combination of values for the parameters that are at fault in it."""
    names = sorted({violation.param for violation in found})
    choices = [_values(name, request.operation, contract, target) for name in names]
    if all(choices):
        for values in itertools.product(*choices):
            yield _with(request, dict(zip(names, values, strict=True)))


def _probes(operation: Operation, contract: ModelSpec, target: ModelSpec) -> Iterator[ImageRequest]:
    """The minimal request, and it again with each value that each parameter may have, null included."""
    request = minimal_request(operation, contract)
    yield request
    for name, domain in contract.operations[operation].params.items():
        values: list[JsonValue] = [*_values(name, operation, contract, target)]
        for value in [*values, None] if domain.nullable else values:
            yield _with(request, {name: value})


def _values(name: str, operation: Operation, contract: ModelSpec, target: ModelSpec) -> Sequence[str]:
    match contract.operations[operation].params.get(name):
        case Choice(values=values):
            return values
        case Size() as domain:
            return [*domain.values, *_smallest_of_shapes(domain, target.operations.get(operation))]
        case _:
            return ()


def _smallest_of_shapes(domain: Size, done: OperationSpec | None) -> list[str]:
    """From a grid, the smallest square and the smallest size of each shape that the target lists."""
    if domain.grid is None:
        return []
    listed = done.params.get("size") if done else None
    found = [pixels(value) for value in listed.values] if isinstance(listed, Size) else []
    shapes = {(1, 1), *((size[0] // gcd(*size), size[1] // gcd(*size)) for size in found if size)}
    smallest = [drawing_size(shape, domain) for shape in sorted(shapes)]
    return [text for size in smallest if size and is_legal(text := f"{size[0]}x{size[1]}", domain)]


def _with(request: ImageRequest, params: dict[str, JsonValue]) -> ImageRequest:
    return replace(request, params={**request.params, **params})


def _rules_for(probe: ImageRequest, pair: Pair, target: ModelSpec) -> Iterator[str]:
    """The rules that fire for *probe* to some purpose: what they set isn't refused then."""
    draft, fired = through_rules(probe, pair)
    faulty = {violation.param for violation in (*draft.refusals, *violations(draft.request, target))}
    for rule, params in fired.items():
        if faulty.isdisjoint(params):
            yield rule
