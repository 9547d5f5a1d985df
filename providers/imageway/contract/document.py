"""YAML files that people write, read into plain data without losing where each thing stands.

The data is what JSON can say. Dates and numbers with colons (`16:9`) stay the text that was written.
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias, cast

import yaml
from msgspec import Struct, field
from msgspec.structs import replace

from imageway.contract.issue import Issue, Severity
from imageway.contract.request import JsonValue

__all__ = (
    "Document",
    "DocumentError",
    "Issue",
    "Position",
    "YamlPath",
    "in_words",
    "issue_at",
    "read_document",
    "spelled",
)

YamlPath: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of a document down to a value."""

_MAX_BYTES = 4 * 2**20
_MAX_VALUES = 200_000
_MAX_DEPTH = 100

_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_SECRET = re.compile(
    r"""((?:api_?-?key|secret|token|password)["']?\s*[:=]\s*)(?!["']?(?:env|file):)("[^"]*"?|'[^']*'?|[^\s,}\]#]+)""",
    re.IGNORECASE,
)
_PLAIN_KEY = re.compile(r"[\w-]+")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Position(Struct, frozen=True, kw_only=True):
    """Where something begins; `line` and `column` count from 1, `width` doesn't go beyond the line."""

    line: int
    column: int
    width: int = 1


class Document(Struct, frozen=True, kw_only=True):
    """A file's data, and the positions of its values and keys by path."""

    file: Path
    data: JsonValue
    lines: tuple[str, ...] = ()
    values: Mapping[YamlPath, Position] = field(default_factory=dict)
    keys: Mapping[YamlPath, Position] = field(default_factory=dict)

    def position(self, path: YamlPath, *, of_key: bool = False) -> Position | None:
        """Where the value at *path* stands, or its key; of what isn't in the file, the closest thing around it."""
        for end in range(len(path), -1, -1):
            found = (self.keys.get(path[:end]) if of_key else None) or self.values.get(path[:end])
            if found is not None:
                return found
        return None

    def get(self, path: YamlPath) -> JsonValue:
        """The value at *path*, None where there is none."""
        value = self.data
        for step in path:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return None
        return value


class DocumentError(Exception):
    """A file that can't be read as YAML data; `issues` is never empty."""

    def __init__(self, *issues: Issue) -> None:
        super().__init__("\n".join(issue.render() for issue in issues))
        self.issues = issues


def issue_at(
    document: Document,
    path: YamlPath,
    code: str,
    message: str,
    *,
    severity: Severity = "error",
    of_key: bool = False,
    hint: str = "",
) -> Issue:
    """An issue about what stands at *path* in *document*, or about the key before it."""
    found = document.position(path, of_key=of_key)
    if found is None:
        issue = Issue(code=code, message=message, file=document.file, hint=hint)
    else:
        issue = _issue(document.file, document.lines, found, code, message, hint=hint)
    return replace(issue, severity=severity)


def spelled(path: YamlPath) -> str:
    """*path* as people write it: `graph_config.edges[0].from`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text or "the file"


def in_words(value: JsonValue) -> str:
    """What *value* is, in the words of YAML."""
    match value:
        case None:
            return "empty"
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def read_document(path: Path) -> Document:
    """Read the YAML file at *path*; an empty one holds None.

    Raises `DocumentError` with every duplicate or odd key, or with the one fault of syntax, encoding or size.
    """
    text = _text(path)
    lines = tuple(text.splitlines())
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        before = text[: unprintable.start()].splitlines() or [""]
        ended = text[unprintable.start() - 1 : unprintable.start()] in {"\n", "\r"}
        position = Position(line=len(before) + ended, column=1 if ended else len(before[-1]) + 1)
        message = f"the character U+{ord(unprintable[0]):04X} isn't allowed in YAML"
        raise DocumentError(_issue(path, lines, position, "not-yaml", message))
    try:
        _measure(path, lines, text)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise DocumentError(_syntax_issue(path, lines, error)) from error
    builder = _Builder(path, lines)
    data = builder.value(root, ()) if root is not None else None
    if builder.issues:
        raise DocumentError(*builder.issues)
    return Document(file=path, data=data, lines=lines, values=builder.values, keys=builder.keys)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        message = f"can't be read: {(error.strerror or type(error).__name__).lower()}"
        raise DocumentError(Issue(code="unreadable", message=message, file=path)) from error
    if len(content) > _MAX_BYTES:
        message = f"has more than {_MAX_BYTES} bytes, which is the most that is read"
        raise DocumentError(Issue(code="too-large", message=message, file=path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = f"isn't UTF-8 text: byte {content[error.start]:#04x} at offset {error.start}"
        raise DocumentError(Issue(code="not-utf-8", message=message, file=path, line=line)) from error


def _measure(path: Path, lines: tuple[str, ...], text: str) -> None:
    """Refuse what would exhaust the composer, which recurses."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            message = f"is nested more than {_MAX_DEPTH} levels deep"
            # The cast is for the stubs: an event of the parser has marks as nodes have.
            raise DocumentError(_issue(path, lines, _position(cast("yaml.Node", event), lines), "too-deep", message))


def _syntax_issue(path: Path, lines: tuple[str, ...], error: yaml.MarkedYAMLError) -> Issue:
    mark = error.problem_mark
    if mark is None:
        return Issue(code="not-yaml", message=str(error), file=path)
    position = Position(line=mark.line + 1, column=mark.column + 1)
    if error.context == "expected a single document in the stream":
        return _issue(path, lines, position, "several-documents", "a second document begins here; one per file is read")
    message = f"{error.problem} {error.context or ''}".rstrip()
    return _issue(path, lines, position, "not-yaml", message, hint=_tab_hint(lines, mark.line))


def _tab_hint(lines: tuple[str, ...], index: int) -> str:
    line = lines[index] if index < len(lines) else ""
    return "YAML is indented with spaces, not with tabs" if "\t" in line[: len(line) - len(line.lstrip())] else ""


class _Builder:
    """Turns nodes into data, noting positions on the way."""

    def __init__(self, file: Path, lines: tuple[str, ...]) -> None:
        self.issues: list[Issue] = []
        self.values: dict[YamlPath, Position] = {}
        self.keys: dict[YamlPath, Position] = {}
        self._file = file
        self._lines = lines
        self._constructor = yaml.constructor.SafeConstructor()
        self._open: set[int] = set()
        self._left = _MAX_VALUES

    def value(self, node: yaml.Node, path: YamlPath) -> JsonValue:
        self._left -= 1
        if self._left < 0:
            message = f"holds more than {_MAX_VALUES} values, repeated ones counted each time"
            raise DocumentError(Issue(code="too-large", message=message, file=self._file))
        if id(node) in self._open:
            self._fault(node, "recursive-alias", "this alias repeats what it stands in, without end")
            return None
        self._open.add(id(node))
        self.values[path] = _position(node, self._lines)
        try:
            match node:
                case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                    return self._mapping(node, path)
                case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                    return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
                case yaml.ScalarNode():
                    return self._scalar(node)
                case _:
                    self._fault(node, "unknown-tag", f"the tag {_tag(node)} isn't supported")
                    return None
        finally:
            self._open.remove(id(node))

    def _mapping(self, node: yaml.MappingNode, path: YamlPath) -> dict[str, JsonValue]:
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                for inner_key, inner_value in self._merged(value):
                    merged.setdefault(inner_key.value, (inner_key, inner_value))
            elif key.tag != f"{_TAG}str":
                self._fault(key, "odd-key", f"a key must be text; this one is {self._key_in_words(key)}")
            elif key.value in own:
                first = own[key.value][0].start_mark.line + 1
                message = f'the key "{key.value}" stands twice in one mapping; it is in line {first} already'
                self._fault(key, "duplicate-key", message)
            else:
                own[key.value] = (key, value)
        data: dict[str, JsonValue] = {}
        for name, (key, value) in {**merged, **own}.items():
            self.keys[(*path, name)] = _position(key, self._lines)
            data[name] = self.value(value, (*path, name))
        return data

    def _merged(self, node: yaml.Node) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            plain = isinstance(source, yaml.MappingNode) and all(key.tag == f"{_TAG}str" for key, _ in source.value)
            if not plain:
                message = "'<<' merges mappings whose keys are text, and which merge nothing themselves"
                self._fault(source, "odd-merge", message)
                continue
            yield from source.value

    def _key_in_words(self, node: yaml.Node) -> str:
        match node:
            case yaml.ScalarNode():
                return f'{in_words(self._scalar(node))}: write "{node.value}" with quotes'
            case yaml.SequenceNode():
                return "a list"
            case _:
                return "a mapping"

    def _scalar(self, node: yaml.ScalarNode) -> JsonValue:
        kind = node.tag.removeprefix(_TAG)
        try:
            match kind:
                case "str" | "timestamp" | "value" | "merge":
                    return str(node.value)
                case "int" | "float" if ":" in node.value:
                    return str(node.value)
                case "null":
                    return None
                case "bool":
                    return bool(self._constructor.construct_yaml_bool(node))
                case "int":
                    return int(self._constructor.construct_yaml_int(node))
                case "float":
                    return self._finite(node, float(self._constructor.construct_yaml_float(node)))
                case _:
                    self._fault(node, "unknown-tag", f"the tag {_tag(node)} isn't supported")
        except (ValueError, KeyError):
            self._fault(node, "not-yaml", f'"{node.value}" isn\'t what the tag {_tag(node)} says')
        return None

    def _finite(self, node: yaml.Node, number: float) -> float:
        if not math.isfinite(number):
            self._fault(node, "not-finite", f"{node.value} isn't a number that can be sent")
        return number

    def _fault(self, node: yaml.Node, code: str, message: str) -> None:
        self.issues.append(_issue(self._file, self._lines, _position(node, self._lines), code, message))


def _tag(node: yaml.Node) -> str:
    return str(node.tag).replace(_TAG, "!!", 1)


def _position(node: yaml.Node, lines: tuple[str, ...]) -> Position:
    start, end = node.start_mark, node.end_mark
    if end.line == start.line:
        width = end.column - start.column
    else:
        width = len(lines[start.line].rstrip()) - start.column if start.line < len(lines) else 1
    return Position(line=start.line + 1, column=start.column + 1, width=max(1, width))


def _issue(file: Path, lines: tuple[str, ...], position: Position, code: str, message: str, *, hint: str = "") -> Issue:
    return Issue(
        code=code,
        message=message,
        file=file,
        line=position.line,
        column=position.column,
        width=position.width,
        source_line=_without_secrets(lines[position.line - 1]) if position.line <= len(lines) else "",
        hint=hint,
    )


def _without_secrets(line: str) -> str:
    """*line* with values of keys that sound secret blotted out, unless they are references; no column moves."""
    return _SECRET.sub(lambda found: found[1] + "*" * len(found[2]), line)
