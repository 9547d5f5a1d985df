"""One request through the rules, and its answer back."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.check import violations
from imageway.contract.errors import UnsupportedError, Violation
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.contract.spec import ModelSpec
from imageway.providers.translation._answer import answer_in_terms_of, fields_told
from imageway.providers.translation._draft import Draft, Pair
from imageway.providers.translation._rules import RULES

__all__ = ("Translation", "translated", "translated_result")


class Translation(Struct, frozen=True, kw_only=True):
    """A request in the target's terms, and what is left to do with the answer.

    `rules` are the names of those that fired, in their order; with none `request` is the caller's, untouched. Each
    picture is to be resized to `resize_to` (width, height), which is never larger than what is drawn and of the same
    aspect. `links` says that the caller gets URLs for what the target answers as bytes. `keeps` are the fields besides
    the pictures that the contract's answers carry.
    """

    request: ImageRequest
    rules: tuple[str, ...] = ()
    resize_to: tuple[int, int] | None = None
    links: bool = False
    keeps: tuple[str, ...] = ()


def translated(request: ImageRequest, contract: ModelSpec, target: ModelSpec) -> Translation:
    """*request*, which must keep to *contract*, as *target* takes it.

    Raises `UnsupportedError` with everything that can't be had from *target*; the result keeps to its spec.
    """
    promised, done = contract.operations.get(request.operation), target.operations.get(request.operation)
    if promised is None:
        raise UnsupportedError(model=request.model, violations=violations(request, contract))
    if done is None:
        raise UnsupportedError(model=request.model, violations=_no_operation(request, target))
    pair = Pair(contract=promised, target=done, target_model=target.model)
    draft, fired = through_rules(request, pair)
    found = tuple(_told(violations(draft.request, target), draft.refusals, fired))
    if found:
        raise UnsupportedError(model=request.model, violations=found)
    return Translation(
        request=draft.request,
        rules=tuple(fired),
        resize_to=draft.resize_to,
        links=draft.links,
        keeps=fields_told(promised.output),
    )


def through_rules(request: ImageRequest, pair: Pair) -> tuple[Draft, dict[str, tuple[str, ...]]]:
    """*request* after all rules, unchecked, and the rules that fired, each with the parameters that it set.

    A rule that refused hasn't fired.
    """
    draft = Draft(request=request)
    fired: dict[str, tuple[str, ...]] = {}
    for rule in RULES:
        mapped = rule.apply(draft, pair)
        if mapped is not draft and mapped.refusals == draft.refusals:
            fired[rule.name] = tuple(_set(draft.request, mapped.request))
        draft = mapped
    return draft, fired


def translated_result(result: ImageResult, translation: Translation, contract: ModelSpec) -> ImageResult:
    """The target's answer as *contract* words it: no field that it hasn't, and the size after the resizing.

    The pictures themselves are the caller's to resize and to turn into links. What was spent stands in *result* only.
    """
    promised = contract.operations[translation.request.operation]
    return answer_in_terms_of(promised, result, translation.resize_to)


def _no_operation(request: ImageRequest, target: ModelSpec) -> tuple[Violation, ...]:
    found = violations(request, target)
    if request.operation is not Operation.VARIATION:
        return found
    message = (
        "A variation can't be translated: it is made from a picture without a prompt, and"
        f" {target.model} does nothing of the kind. It does: {', '.join(target.operations)}."
    )
    return tuple(replace(violation, message=message) for violation in found)


def _set(before: ImageRequest, after: ImageRequest) -> Iterator[str]:
    for name, value in after.params.items():
        if before.params.get(name) != value:
            yield name
    if before.mask is not after.mask:
        yield "mask"


def _told(
    found: Iterable[Violation], refusals: tuple[Violation, ...], fired: Mapping[str, tuple[str, ...]]
) -> Iterator[Violation]:
    """The rules' own refusals, which say more than the target's spec about the same parameter; then the rest of that.

    Who reads of a value that he never sent is told the rule that it comes from.
    """
    origins = {param: rule for rule, params in fired.items() for param in params}
    refused = {refusal.param for refusal in refusals}
    yield from refusals
    for violation in found:
        if violation.param in refused:
            continue
        origin = origins.get(violation.param)
        hint = f" This comes of the translation rule '{origin}'." if origin else ""
        yield replace(violation, message=f"{violation.message}{hint}")
