"""What SyGra's tasks may say and a pipeline here doesn't do: each gets a sentence of its own."""

from collections.abc import Iterator

from imageway.contract.document import Document, Issue, YamlPath, issue_at, spelled
from imageway.contract.request import JsonValue

__all__ = ("not_yet", "not_yet_in_model")

_SERVICENOW = frozenset({
    "instance", "username", "password", "oauth_client_id", "oauth_client_secret", "table", "query", "filters", "limit",
    "batch_size", "order_by", "order_desc", "display_value", "exclude_reference_link", "proxy", "verify_ssl", "cert",
    "auto_retry",
})  # fmt: skip
_KEYS: dict[YamlPath, frozenset[str]] = {
    (): frozenset({"graph_post_process"}),
    ("data_config", "source"): _SERVICENOW,
    ("graph_config", "nodes", "*"): frozenset({
        "input_key", "output_role", "chat_history", "tools", "tool_choice", "inject_system_messages",
    }),
    ("output_config",): frozenset({"oasst_mapper", "data_quality"}),
}  # fmt: skip
_OASST: YamlPath = ("output_config", "oasst_mapper")
_CONVERSATIONS = {
    key: f"{key} isn't supported: nodes have no conversations, and put what others answered into prompts as {{field}}"
    for key in ("input_key", "output_role", "chat_history")
}
_MODEL_KEYS = frozenset({
    "input_type", "post_process", "special_tokens", "completions_api", "hf_chat_template_model_id", "modify_tokenizer",
    "chat_template_params", "structured_output",
})  # fmt: skip
_MODEL_PREFIXES = ("aws_", "vertex_")
_NODE_TYPES = ("llm", "multi_llm", "lambda", "weighted_sampler", "subgraph")
_SOURCE_TYPES = frozenset({"servicenow"})

Told = dict[YamlPath, Issue]


def not_yet(document: Document) -> Told:
    """What *document* asks for beyond us, by the paths that this makes moot; none lies in another."""
    told: Told = {}
    for pattern, names in _KEYS.items():
        for path in _matching(document.data, pattern):
            for name in _keys(document, path) & names:
                told[(*path, name)] = _key(document, (*path, name))
    if document.get((*_OASST, "required")) in ("no", False):
        told.pop(_OASST, None)
    for path in _matching(document.data, ("graph_config", "nodes", "*")):
        told |= not_yet_in_model(document, (*path, "model"))
    for path in _matching(document.data, ("graph_config", "nodes", "*", "models", "*")):
        told |= not_yet_in_model(document, path)
    told |= _sources(document)
    told |= _nodes(document)
    told |= _parts(document)
    return {path: issue for path, issue in told.items() if not any(path[:end] in told for end in range(len(path)))}


def not_yet_in_model(document: Document, path: YamlPath) -> Told:
    """The same for a model's keys at *path*: a node's `model`, or a row of the models file."""
    return {
        (*path, name): _key(document, (*path, name))
        for name in _keys(document, path)
        if (name in _MODEL_KEYS or name.startswith(_MODEL_PREFIXES)) and not _is_idle(document, (*path, name))
    }


def _is_idle(document: Document, path: YamlPath) -> bool:
    """Whether what stands there means nothing to SyGra either."""
    return path[-1] == "input_type" and document.get(path) in ("image", "text")


def _sources(document: Document) -> Told:
    told: Told = {}
    source: YamlPath = ("data_config", "source")
    for path in (source, *_matching(document.data, (*source, "*"))):
        type_ = document.get((*path, "type"))
        if isinstance(type_, str) and type_ in _SOURCE_TYPES:
            message = f"{type_} sources aren't supported yet; supported types: disk, hf"
            told[path] = issue_at(document, (*path, "type"), "not-supported-yet", message)
    return told


def _nodes(document: Document) -> Told:
    told: Told = {}
    for path in _matching(document.data, ("graph_config", "nodes", "*")):
        if document.get((*path, "node_type")) == "agent":
            message = f"agent nodes aren't image nodes; supported node types: {', '.join(_NODE_TYPES)}"
            told[path] = issue_at(document, (*path, "node_type"), "not-an-image-node", message)
        elif document.get((*path, "node_type")) in ("llm", "multi_llm") and "output_keys" not in _keys(document, path):
            message = (
                f'{spelled(path)} lacks the key "output_keys": without it SyGra adds the answer to messages, which the'
                " next prompt would silently hold; name a field, and put {field} into that prompt"
            )
            told[(*path, "output_keys")] = issue_at(document, path, "missing-key", message, of_key=True)
    return told


def _parts(document: Document) -> Told:
    told: Told = {}
    for message_path in _matching(document.data, ("graph_config", "nodes", "*", "prompt", "*")):
        if "tool" in _keys(document, message_path):
            sentence = "tool messages aren't supported; supported roles: system, user, assistant"
            place = (*message_path, "tool")
            told[place] = issue_at(document, place, "not-supported-yet", sentence, of_key=True)
    for path in _matching(document.data, ("graph_config", "nodes", "*", "prompt", "*", "*", "*")):
        if document.get((*path, "type")) == "audio_url":
            sentence = "audio_url parts aren't supported; supported types: text, image_url"
            told[path] = issue_at(document, (*path, "type"), "not-supported-yet", sentence)
    return told


def _key(document: Document, path: YamlPath) -> Issue:
    message = _CONVERSATIONS.get(str(path[-1]), f"{spelled(path)} isn't supported yet")
    return issue_at(document, path, "not-supported-yet", message, of_key=True)


def _keys(document: Document, path: YamlPath) -> set[str]:
    value = document.get(path)
    return set(value) if isinstance(value, dict) else set()


def _matching(value: JsonValue, pattern: YamlPath, path: YamlPath = ()) -> Iterator[YamlPath]:
    """The paths in *value* that fit *pattern*, in which `*` stands for any key or position."""
    if not pattern:
        yield path
        return
    step, *rest = pattern
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        if step in ("*", key):
            yield from _matching(inner, tuple(rest), (*path, key))
