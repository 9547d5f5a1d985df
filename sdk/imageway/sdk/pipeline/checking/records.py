"""Parameters that records fill, against the specs: what can be known of them before the first record is run."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from imageway.contract.document import Issue
from imageway.contract.errors import Violation
from imageway.contract.issue import Severity
from imageway.contract.request import ImageRequest, JsonValue
from imageway.contract.spec import ModelSpec
from imageway.sdk.pipeline.loading.loaded import Origin
from imageway.sdk.pipeline.nodes.parameters import constant_params, fields_of_params, filled
from imageway.sdk.pipeline.plan import ImageNode
from imageway.sdk.pipeline.template import MissingFieldError

__all__ = ("exceeding_records",)

_EXAMPLES = 3

Record = Mapping[str, JsonValue]


def exceeding_records(
    node: ImageNode,
    origin: Origin,
    records: Sequence[Record],
    spec: ModelSpec,
    *,
    stand_in: Callable[[Mapping[str, JsonValue]], ImageRequest],
    violations: Callable[[ImageRequest], Collection[Violation]],
) -> Iterator[Issue]:
    """What *records* put into the parameters of *node* that its model refuses, once for each parameter.

    An error where it hits every record, a warning where some: those fail alone, before anything of theirs is sent.
    Records that lack a field are another matter, and fields that nodes fill can't be known.
    """
    templates = {name for name, _ in fields_of_params(node.params)}
    if not templates or node.before is not None:
        return
    offered = spec.operations.get(stand_in({}).operation)
    known = offered.params if offered else {}
    constant = constant_params(node.params)
    told: dict[str, list[tuple[int, Violation]]] = {}
    seen: dict[str, tuple[Violation, ...]] = {}
    for position, record in enumerate(records, start=1):
        try:
            params = filled({name: node.params[name] for name in templates}, record, known)
        except MissingFieldError:
            continue
        key = repr(sorted(params.items()))
        if key not in seen:
            found = violations(stand_in({**constant, **params}))
            seen[key] = tuple(one for one in found if one.code != "unknown_parameter")
        for violation in seen[key]:
            root = violation.param.partition(".")[0]
            if root in templates:
                told.setdefault(root, []).append((position, violation))
    for root, hits in told.items():
        hit = {position for position, _ in hits}
        first = hits[0][1].message.removesuffix(".")
        named = ", ".join(str(position) for position in sorted(hit)[:_EXAMPLES])
        more = ", ..." if len(hit) > _EXAMPLES else ""
        message = f"{node.model}: {first} ({len(hit)} of {len(records)} records: {named}{more})"
        severity: Severity = "error" if len(hit) == len(records) else "warning"
        yield origin.params[root].issue("unsupported", message, severity=severity)
