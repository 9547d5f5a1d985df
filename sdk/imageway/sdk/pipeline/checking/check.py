"""What can be known of a plan before its first record: parameters against specs, prompts against the data."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta

from imageway.contract.check import hinted
from imageway.contract.content import BytesContent
from imageway.contract.document import Issue, YamlPath, issue_at
from imageway.contract.errors import Violation
from imageway.contract.request import ImageFacts, ImageFormat, ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.spec import ModelSpec
from imageway.contract.strict import did_you_mean
from imageway.contract.validation import Validation, violations_under
from imageway.sdk.pipeline.checking.records import exceeding_records
from imageway.sdk.pipeline.checking.source import record_ids
from imageway.sdk.pipeline.graph import Graph
from imageway.sdk.pipeline.loading.loaded import LoadedTask, Origin, Place
from imageway.sdk.pipeline.nodes.parameters import constant_params, fields_of_params
from imageway.sdk.pipeline.plan import ImageNode, ImagePart, MaskPart, Node, calls_of, writes_of
from imageway.sdk.pipeline.template import fields

__all__ = ("check_capabilities", "check_data")

_SET_BY_PIPELINE = frozenset({"model", "prompt", "image", "mask", "stream", "partial_images"})
_NOTICE = timedelta(days=30)
_IN_BRACES = re.compile(r"(?<!\{)\{([^{}]+)\}")
_PART_OF_A_FIELD = re.compile(r"([^\W\d][\w-]*)[.\[]\S*")
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
    """What each node's parameters, image parts and model have against them by the specs in *known*.

    Parameters that records fill are judged by the task's sample of them.

    *validations* tells how strictly the gateway checks, by model; those that it leaves out are checked strictly.
    Prompts and pictures of records aren't judged here. Nodes whose model isn't in *known* are passed over: see
    `with_known_models`.
    """
    issues: list[Issue] = []
    told_of: set[str] = set()
    for node in task.plan.image_nodes:
        origin = task.origins[node.name]
        issues += _set_by_pipeline(node, origin)
        spec = known.get(node.model)
        if spec is None:
            continue
        validation = (validations or {}).get(node.model, "strict")
        issues += _exceeding(node, origin, known, validation)
        issues += _in_records(node, task, spec, validation)
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
    graph = Graph.of(task.plan)
    by_name = {node.name: node for node in task.plan.nodes}
    for node in task.plan.nodes:
        answered = {key for name in graph.before(node.name) for key in writes_of(by_name[name])}
        told_of: set[str] = set()
        for name, needed_by, place in _needed(node, task):
            lacking = [index for index, record in enumerate(records) if record.get(name) is None]
            if name not in answered and name not in told_of and lacking:
                told_of.add(name)
                examples = [(index + 1, ids[index].text) for index in lacking[:_EXAMPLES]]
                message = f"{needed_by} needs {{{name}}}, which {_who(examples, lacking, records)}"
                issues.append(
                    place.issue(
                        "missing-field",
                        f"{message}; {_there_are(columns, sorted(answered))}",
                        severity="error" if len(lacking) == len(records) else "warning",
                        hint=_field_hint(name, columns, node, task),
                    )
                )
        issues += _near_fields(node, task, {*columns, *answered})
    issues += _empty_columns(task, columns)
    issues += _odd_ids(task, [(index + 1, found.fault) for index, found in enumerate(ids) if found.fault], len(records))
    return issues


def _needed(node: Node, task: LoadedTask) -> Iterator[tuple[str, str, Place]]:
    """The fields that a node's prompt and parameters need, by whom, and where; none where code fills its state."""
    if getattr(node, "before", None) is not None:
        return
    for index, call in enumerate(calls_of(node)):
        origin = task.origins[call.name]
        for part, place in zip(call.parts, origin.parts, strict=True):
            for name in fields(part.template) if index == 0 else ():
                yield name, f"the prompt of {node.name}", place
        for param, name in fields_of_params(call.params):
            yield name, f"the parameter {param} of {call.name}", origin.params[param]


def _near_fields(node: Node, task: LoadedTask, known: Collection[str]) -> Iterator[Issue]:
    """What stands in braces like a field and stays in the prompt: an error where it is a column, by whatever name."""
    for call in [*calls_of(node)][:1]:
        for part, place in zip(call.parts, task.origins[call.name].parts, strict=True):
            for found in _IN_BRACES.finditer(part.template):
                within, bare = found[1], found[1].strip()
                if fields(found[0]):
                    continue
                if within in known:
                    message = (
                        f"{found[0]} would stay in the prompt as it stands, and yet {within} is a column: fields have"
                        " letters, digits, _ and - in their names; rename it (RenameFieldsTransform), or double the"
                        " braces"
                    )
                    yield place.issue("not-a-field", message)
                    continue
                inner = _PART_OF_A_FIELD.fullmatch(within)
                meant = bare if bare in known else inner[1] if inner is not None else ""
                if meant in known:
                    message = f"{found[0]} stays in the prompt as it stands: fields are bare names, such as {{{meant}}}"
                    yield place.issue("not-a-field", message, severity="warning")


def _set_by_pipeline(node: ImageNode, origin: Origin) -> Iterator[Issue]:
    for name in node.params:
        if name in _SET_BY_PIPELINE:
            how = "it is a key of the node, beside the prompt" if name == "mask" else "the pipeline sets it"
            message = f"{name} isn't a parameter to give: {how}"
            yield origin.params[name].issue("set-by-pipeline", message, of_key=True)


def _exceeding(
    node: ImageNode, origin: Origin, known: Mapping[str, ModelSpec], validation: Validation
) -> Iterator[Issue]:
    spec = known[node.model]
    params = {name: value for name, value in node.params.items() if name not in _SET_BY_PIPELINE}
    request = _stand_in(node, spec, constant_params(params))
    found = hinted(request, violations_under(validation, request, spec), known)
    for violation in (*found, *_unknown_templates(node, known, params, validation)):
        root, *inner = violation.param.split(".")
        if root == "model":
            yield origin.model.issue("unsupported", _sentence(violation))
        elif root == "image":
            place = next(
                place for part, place in zip(node.parts, origin.parts, strict=True) if isinstance(part, ImagePart)
            )
            count = f"the prompt of {node.name} has {len(request.images)} image parts, {node.model} takes"
            yield place.issue("unsupported", f"{count} {violation.allowed}{_accepted_by(violation)}")
        elif root == "mask":
            yield origin.parts[-1].issue("unsupported", f"{node.model}: {_sentence(violation)}")
        elif root in params:
            place = Place(document=origin.params[root].document, path=(*origin.params[root].path, *inner))
            unknown = violation.code == "unknown_parameter"
            names = violation.allowed if unknown and isinstance(violation.allowed, Sequence) else ()
            hint = did_you_mean(inner[-1] if inner else root, [str(name) for name in names])
            yield place.issue("unsupported", f"{node.model}: {_sentence(violation)}", of_key=unknown, hint=hint)


def _in_records(node: ImageNode, task: LoadedTask, spec: ModelSpec, validation: Validation) -> Iterator[Issue]:
    return exceeding_records(
        node,
        task.origins[node.name],
        task.sample,
        spec,
        stand_in=lambda params: _stand_in(node, spec, params),
        violations=lambda request: violations_under(validation, request, spec),
    )


def _unknown_templates(
    node: ImageNode, known: Mapping[str, ModelSpec], params: Mapping[str, JsonValue], validation: Validation
) -> Iterator[Violation]:
    """Parameters that are filled per record, and that the model doesn't have at all."""
    spec, constant = known[node.model], constant_params(params)
    request = _stand_in(node, spec, params)
    for violation in hinted(request, violations_under(validation, request, spec), known):
        if violation.code == "unknown_parameter" and violation.param.partition(".")[0] not in constant:
            yield violation


def _stand_in(node: ImageNode, spec: ModelSpec, params: Mapping[str, JsonValue]) -> ImageRequest:
    """A request like those that *node* will make, with a prompt and pictures that nobody minds."""
    count = sum(isinstance(part, ImagePart) for part in node.parts)
    operation = Operation.EDIT if count else Operation.GENERATE
    rules = spec.operations[operation].images if operation in spec.operations else None
    facts = ImageFacts(format=rules.formats[0] if rules else ImageFormat.PNG, width_px=64, height_px=64, has_alpha=True)
    return ImageRequest(
        operation=operation,
        model=node.model,
        params={**params, "prompt": "x"},
        images=(ImageInput(source=BytesContent(b"x"), facts=facts),) * count,
        mask=_stand_in_mask(node, spec),
    )


def _stand_in_mask(node: ImageNode, spec: ModelSpec) -> ImageInput | None:
    if not any(isinstance(part, MaskPart) for part in node.parts):
        return None
    edit = spec.operations.get(Operation.EDIT)
    format_ = edit.mask.formats[0] if edit is not None and edit.mask is not None else ImageFormat.PNG
    facts = ImageFacts(format=format_, width_px=64, height_px=64, has_alpha=True)
    return ImageInput(source=BytesContent(b"x"), facts=facts)


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


def _field_hint(name: str, columns: Sequence[str], node: Node, task: LoadedTask) -> str:
    answering = [other.name for other in task.plan.nodes if name in writes_of(other)]
    if answering:
        return f"{answering[0]} answers it, but no edges lead from there to {node.name}"
    return "" if name in columns else did_you_mean(name, columns)


def _empty_columns(task: LoadedTask, columns: Sequence[str]) -> Iterator[Issue]:
    there = ["id", *columns, *task.plan.outputs]
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
