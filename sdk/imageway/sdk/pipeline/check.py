"""What can be known of a plan before its first record: parameters against specs, prompts against the data."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from imageway.contract.check import hinted
from imageway.contract.content import BytesContent
from imageway.contract.document import Issue, YamlPath, issue_at
from imageway.contract.errors import Violation
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.spec import ModelSpec
from imageway.contract.strict import did_you_mean
from imageway.contract.validation import Validation, violations_under
from imageway.sdk.pipeline.loaded import LoadedTask, Origin, Place
from imageway.sdk.pipeline.plan import ImageNode, ImagePart
from imageway.sdk.pipeline.source import record_ids
from imageway.sdk.pipeline.template import fields

__all__ = ("check_capabilities", "check_data")

_SET_BY_PIPELINE = frozenset({"model", "prompt", "image", "stream", "partial_images"})
_NOTICE = timedelta(days=30)
_EXAMPLES = 3
_MANY = 20

Record = Mapping[str, JsonValue]


def check_capabilities(
    task: LoadedTask,
    known: Mapping[str, ModelSpec],
    *,
    today: date,
    validations: Mapping[str, Validation] | None = None,
) -> list[Issue]:
    """What each node's constant parameters, image parts and model have against them by the specs in *known*.

    *validations* tells how strictly the gateway checks, by model; those that it leaves out are checked strictly.
    Prompts and pictures of records aren't judged here. Nodes whose model isn't in *known* are passed over: see
    `with_known_models`.
    """
    issues: list[Issue] = []
    told_of: set[str] = set()
    for node in task.plan.nodes:
        origin = task.origins[node.name]
        issues += _set_by_pipeline(node, origin)
        spec = known.get(node.model)
        if spec is None:
            continue
        validation = (validations or {}).get(node.model, "strict")
        issues += _exceeding(node, origin, known, validation)
        if node.model not in told_of:
            told_of.add(node.model)
            issues += _ending(node.model, spec, origin.model, today)
    return issues


def check_data(task: LoadedTask, records: Sequence[Record]) -> list[Issue]:
    """What the records lack for prompts, output and ids: an error where it hits every record, a warning where some.

    A record that lacks something fails alone. Columns of the output that nothing fills are warnings: they are null.
    """
    ids = record_ids(records, task.plan.id_column)
    columns = tuple(dict.fromkeys(name for record in records for name in record))
    issues: list[Issue] = []
    for node in task.plan.nodes:
        earlier = _earlier(node, task.plan.nodes)
        answered = {other.output_key for other in earlier}
        told_of: set[str] = set()
        for part, place in zip(node.parts, task.origins[node.name].parts, strict=True):
            for name in fields(part.template):
                lacking = [index for index, record in enumerate(records) if record.get(name) is None]
                if name not in answered and name not in told_of and lacking:
                    told_of.add(name)
                    examples = [(index + 1, ids[index].text) for index in lacking[:_EXAMPLES]]
                    message = f"the prompt of {node.name} needs {{{name}}}, which {_who(examples, lacking, records)}"
                    issues.append(
                        place.issue(
                            "missing-field",
                            f"{message}; {_there_are(columns, sorted(answered))}",
                            severity="error" if len(lacking) == len(records) else "warning",
                            hint=_field_hint(name, columns, node, task),
                        )
                    )
    issues += _empty_columns(task, columns)
    issues += _odd_ids(task, [(index + 1, found.fault) for index, found in enumerate(ids) if found.fault], len(records))
    return issues


def _set_by_pipeline(node: ImageNode, origin: Origin) -> Iterator[Issue]:
    for name in node.params:
        if name in _SET_BY_PIPELINE:
            message = f"{name} isn't a parameter to give: the pipeline sets it"
            yield origin.params[name].issue("set-by-pipeline", message, of_key=True)


def _exceeding(
    node: ImageNode, origin: Origin, known: Mapping[str, ModelSpec], validation: Validation
) -> Iterator[Issue]:
    spec = known[node.model]
    request = _stand_in(node, spec)
    params = {name: value for name, value in node.params.items() if name not in _SET_BY_PIPELINE}
    for violation in hinted(request, violations_under(validation, request, spec), known):
        root, *inner = violation.param.split(".")
        if root == "model":
            yield origin.model.issue("unsupported", _sentence(violation))
        elif root == "image":
            place = next(
                place for part, place in zip(node.parts, origin.parts, strict=True) if isinstance(part, ImagePart)
            )
            count = f"the prompt of {node.name} has {len(request.images)} image parts, {node.model} takes"
            yield place.issue("unsupported", f"{count} {violation.allowed}{_accepted_by(violation)}")
        elif root in params:
            place = Place(document=origin.params[root].document, path=(*origin.params[root].path, *inner))
            unknown = violation.code == "unknown_parameter"
            names = violation.allowed if unknown and isinstance(violation.allowed, Sequence) else ()
            hint = did_you_mean(inner[-1] if inner else root, [str(name) for name in names])
            yield place.issue("unsupported", f"{node.model}: {_sentence(violation)}", of_key=unknown, hint=hint)


def _stand_in(node: ImageNode, spec: ModelSpec) -> ImageRequest:
    """A request like those that *node* will make, with a prompt and pictures that nobody minds."""
    count = sum(isinstance(part, ImagePart) for part in node.parts)
    operation = Operation.EDIT if count else Operation.GENERATE
    rules = spec.operations[operation].images if operation in spec.operations else None
    facts = ImageFacts(format=rules.formats[0] if rules else ImageFormat.PNG, width_px=64, height_px=64, has_alpha=True)
    params = {name: value for name, value in node.params.items() if name not in _SET_BY_PIPELINE}
    return ImageRequest(
        operation=operation,
        model=node.model,
        params={**params, "prompt": "x"},
        images=(ImageInput(source=BytesContent(b"x"), facts=facts),) * count,
    )


def _sentence(violation: Violation) -> str:
    return violation.message.removesuffix(".") + _accepted_by(violation)


def _accepted_by(violation: Violation) -> str:
    return f"; models here that accept it: {', '.join(violation.accepted_by)}" if violation.accepted_by else ""


def _ending(name: str, spec: ModelSpec, place: Place, today: date) -> Iterator[Issue]:
    last = spec.lifecycle.shutdown_date
    if last is None or last > today + _NOTICE:
        return
    when = "was shut down" if last <= today else "will be shut down"
    advice = f"; successors: {', '.join(spec.lifecycle.successors)}" if spec.lifecycle.successors else ""
    yield place.issue("shutdown", f"{name} {when} at {spec.kind} on {last.isoformat()}{advice}", severity="warning")


def _earlier(node: ImageNode, nodes: Sequence[ImageNode]) -> list[ImageNode]:
    """The nodes that have answered before *node* runs."""
    by_name = {other.name: other for other in nodes}
    names: set[str] = set()
    waiting = list(node.after)
    while waiting:
        name = waiting.pop()
        if name not in names:
            names.add(name)
            waiting += by_name[name].after
    return [other for other in nodes if other.name in names]


def _who(examples: Sequence[tuple[int, str]], lacking: Sequence[int], records: Sequence[Record]) -> str:
    if len(lacking) == len(records):
        return "no record has"
    named = ", ".join(f"{number} (id {id_})" for number, id_ in examples)
    more = ", ..." if len(lacking) > len(examples) else ""
    return f"{len(lacking)} of {len(records)} records lack or have as null: {named}{more}"


def _there_are(columns: Sequence[str], answered: Sequence[str]) -> str:
    shown = [*columns[:_MANY], *([f"{len(columns) - _MANY} more"] if len(columns) > _MANY else [])]
    answers = f", and before it nodes answer {', '.join(answered)}" if answered else ""
    return f"the columns are {', '.join(shown) or 'none'}{answers}"


def _field_hint(name: str, columns: Sequence[str], node: ImageNode, task: LoadedTask) -> str:
    answering = [other.name for other in task.plan.nodes if other.output_key == name]
    if answering:
        return f"{answering[0]} answers it, but no edges lead from there to {node.name}"
    return "" if name in columns else did_you_mean(name, columns)


def _empty_columns(task: LoadedTask, columns: Sequence[str]) -> Iterator[Issue]:
    there = ["id", *columns, *(node.output_key for node in task.plan.nodes)]
    for column in task.plan.columns or ():
        if column.source is not None and column.source not in there:
            path: YamlPath = ("output_config", "output_map", column.name, "from")
            message = f"neither the records nor the nodes have {column.source}; {column.name} will be null"
            hint = did_you_mean(column.source, there)
            yield issue_at(task.document, path, "empty-column", message, severity="warning", hint=hint)


def _odd_ids(task: LoadedTask, faults: Sequence[tuple[int, str | None]], total: int) -> Iterator[Issue]:
    if not faults:
        return
    path: YamlPath = ("data_config", "id_column") if task.plan.id_column else ("data_config", "source", "file_path")
    named = "; ".join(f"record {number}: {fault}" for number, fault in faults[:_EXAMPLES])
    more = "; ..." if len(faults) > _EXAMPLES else ""
    message = f"{len(faults)} of {total} records can't be told apart by an id: {named}{more}"
    yield issue_at(task.document, path, "odd-id", message, severity="error" if len(faults) == total else "warning")
