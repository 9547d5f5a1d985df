"""What a task says of its output: columns, the code that makes them, and the schema of finished records."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import UNSET

from imageway.contract.document import Document, Issue, YamlPath, issue_at, spelled
from imageway.contract.request import JsonValue
from imageway.contract.strict import did_you_mean
from imageway.sdk.pipeline.nodes.record_schema import SchemaFieldError, checker
from imageway.sdk.pipeline.plan import Hook, OutputColumn
from imageway.sdk.pipeline.schema.task import OutputConfig, OutputField, SchemaConfig
from imageway.sdk.pipeline.task_code import CodeError, TaskCode, hook

__all__ = ("OutputLoader",)

_REFERENCE = re.compile(r"\$(data_config|graph_config|output_config|schema_config)\b(.*)", re.DOTALL)
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")


class OutputLoader:
    """Makes the plan's columns, gathering what is wrong."""

    def __init__(self, document: Document, code: TaskCode) -> None:
        self.issues: list[Issue] = []
        self._document = document
        self._code = code
        self._generator: object = None

    def columns(self, output: OutputConfig | None) -> tuple[OutputColumn, ...] | None:
        """The columns of the `output_map`, None where there is none."""
        if output is None:
            return None
        self._generator = self._made(output)
        if output.output_map is None:
            return None
        return tuple(self._column(name, written) for name, written in output.output_map.items())

    def generate(self, output: OutputConfig | None) -> Hook | None:
        """What makes whole rows, where the generator does that, columns or not; ask for the columns first."""
        if output is None or self._generator is None:
            return None
        method = getattr(self._generator, "generate", None)
        if callable(method):
            return hook(f"{output.generator}.generate", method)
        if output.output_map is not None:
            return None
        message = f"{output.generator} has no generate(state), and there is no output_map whose columns it could make"
        self._fault(("output_config", "generator"), "task-code", message)
        return None

    def schema(self, config: SchemaConfig | None) -> Hook | None:
        """What raises for a finished state that isn't as it must be."""
        if config is None:
            return None
        if (config.schema is None) == (config.fields is None):
            found = "both" if config.fields is not None else "neither"
            self._fault(("schema_config",), "odd-schema", f"schema_config has either schema or fields; here is {found}")
            return None
        if config.fields is not None:
            try:
                return Hook(path="schema_config.fields", call=checker(config.fields), version=repr(config.fields))
            except SchemaFieldError as error:
                self._fault(("schema_config", "fields", error.index, "type"), "unknown-value", str(error))
                return None
        try:
            found_class = self._code.find(config.schema or "")
        except CodeError as error:
            self._fault(("schema_config", "schema"), "task-code", str(error), hint=error.hint)
            return None
        version = hook(config.schema or "", found_class).version
        return Hook(path=config.schema or "", call=_instance_check(found_class), version=version)

    def _made(self, output: OutputConfig) -> object:
        if output.generator is None:
            return None
        at: YamlPath = ("output_config", "generator")
        try:
            found = self._code.find(output.generator)
        except CodeError as error:
            self._fault(at, "task-code", str(error), hint=error.hint)
            return None
        config = self._document.get(("output_config",))
        try:
            return found(config)
        except Exception as error:  # noqa: BLE001  # it is the task's code that runs here
            told = f"{type(error).__name__}: {error}"
            self._fault(at, "task-code", f"{output.generator} can't be made of the output_config: {told}")
            return None

    def _column(self, name: str, written: OutputField) -> OutputColumn:
        at: YamlPath = ("output_config", "output_map", name)
        constant = written.value is not UNSET
        if constant == (written.from_ is not None):
            found = "both" if constant else "neither"
            sentence = f"a column has either from or value; {name} has {found}"
            self._fault(at, "odd-column", sentence, of_key=True)
        return OutputColumn(
            name=name,
            source=written.from_,
            value=self._value(written.value, (*at, "value")) if constant else None,
            transform=self._transform(written.transform, (*at, "transform")),
        )

    def _transform(self, name: str | None, at: YamlPath) -> Hook | None:
        if name is None:
            return None
        if self._generator is None:
            if self._document.get(("output_config", "generator")) is None:
                self._fault(at, "task-code", f"{name} is a method of output_config.generator, and there is none")
            return None
        method = getattr(self._generator, name, None)
        if not callable(method):
            kind = type(self._generator)
            known = [known for known in dir(kind) if not known.startswith("_")]
            self._fault(at, "task-code", f"{kind.__name__} has no method {name}", hint=did_you_mean(name, known))
            return None
        return hook(f"{type(self._generator).__name__}.{name}", method)

    def _value(self, value: JsonValue, at: YamlPath) -> JsonValue:
        match value:
            case str() if found := _REFERENCE.fullmatch(value):
                return self._referred_to(value, found[1], found[2], at)
            case list():
                return [self._value(item, (*at, index)) for index, item in enumerate(value)]
            case dict():
                return {key: self._value(item, (*at, key)) for key, item in value.items()}
            case _:
                return value

    def _referred_to(self, text: str, root: str, rest: str, at: YamlPath) -> JsonValue:
        steps = list(_STEP.finditer(rest))
        path: YamlPath = (root, *(int(step[2]) if step[2] else step[1] for step in steps))
        if "".join(step[0] for step in steps) != rest:
            self._fault(at, "unknown-reference", f"{text} is no path; it looks like $data_config.source.file_path")
            return None
        for end in range(1, len(path) + 1):
            if not _is_there(self._document, path[:end]):
                held = self._document.get(path[: end - 1])
                known = list(held) if isinstance(held, dict) else []
                message = f"there is no {spelled(path[:end])} in this file, which {text} refers to"
                hint = did_you_mean(str(path[end - 1]), known)
                self._fault(at, "unknown-reference", message, hint=hint)
                return None
        return self._document.get(path)

    def _fault(self, path: YamlPath, code: str, message: str, *, of_key: bool = False, hint: str = "") -> None:
        self.issues.append(issue_at(self._document, path, code, message, of_key=of_key, hint=hint))


def _is_there(document: Document, path: YamlPath) -> bool:
    return path in document.values


def _instance_check(found: Any) -> Callable[[Mapping[str, JsonValue]], None]:  # noqa: ANN401  # a class of the task's own
    validate = getattr(found, "model_validate", None)

    def check(state: Mapping[str, JsonValue]) -> None:
        if callable(validate):
            validate(dict(state))
        else:
            found(**state)

    return check
