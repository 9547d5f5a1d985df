"""Nodes as they are written into nodes of a plan."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.document import Issue
from imageway.contract.request import JsonValue
from imageway.contract.strict import closest, did_you_mean
from imageway.sdk.pipeline.loading.loaded import Origin, Place
from imageway.sdk.pipeline.loading.lot_values import column_values
from imageway.sdk.pipeline.loading.models_file import ModelsFile, ResolvedModel
from imageway.sdk.pipeline.plan import (
    Attribute,
    ChatMessage,
    Hook,
    ImageNode,
    ImagePart,
    LambdaNode,
    MaskPart,
    MultiNode,
    Node,
    SamplerNode,
    TextNode,
    TextPart,
)
from imageway.sdk.pipeline.schema import nodes as written
from imageway.sdk.pipeline.schema.models import NodeModel
from imageway.sdk.pipeline.task_code import CodeError, TaskCode

__all__ = ("NodeLoader", "Written")

_LAMBDA_KEYS = ("node_type", "lambda", "function_type", "output_keys", "node_state", "node_name")
_SET_BY_PIPELINE = frozenset({"model", "messages", "n", "stream"})
_Part = tuple[TextPart | ImagePart, Place]
_Asking = written.LlmNode | written.MultiLlmNode


class Written(Struct, frozen=True, kw_only=True):
    """A node as it is written: decoded, as plain data, and where what it says stands; its code is found by `code`."""

    name: str
    node: written.LlmNode | written.MultiLlmNode | written.LambdaNode | written.SamplerNode
    data: dict[str, JsonValue]
    at: Callable[..., Place]
    code: TaskCode


class NodeLoader:
    """Makes nodes, gathering what is wrong with them and where their parts stand."""

    def __init__(self, models: ModelsFile, working_directory: Path) -> None:
        self.issues: list[Issue] = []
        self.origins: dict[str, Origin] = {}
        self._models = models
        self._working_directory = working_directory

    def node(self, found: Written) -> Node | None:
        """The node of the plan, None where something is wrong with it."""
        before = len(self.issues)
        node = self._node(found)
        faulty = any(issue.severity == "error" for issue in self.issues[before:])
        return None if faulty else node

    def hook(self, path: str | None, place: Place, code: TaskCode, *, arguments: int) -> Hook | None:
        """What *path* leads to, and None also where it leads nowhere, which is a fault."""
        if path is None:
            return None
        try:
            return code.function(path, arguments=arguments)
        except CodeError as error:
            self.issues.append(place.issue("task-code", str(error), hint=error.hint))
            return None

    def _node(self, found: Written) -> Node | None:
        match found.node:
            case written.LlmNode():
                return self._llm(found, found.node)
            case written.MultiLlmNode():
                return self._multi(found, found.node)
            case written.LambdaNode():
                return self._lambda(found, found.node)
            case written.SamplerNode():
                return self._sampler(found, found.node)
            case _:
                assert_never(found.node)

    def _llm(self, found: Written, node: written.LlmNode) -> Node | None:
        keys = self._keys(found, node.output_keys, filled_by=node.post_process)
        before = self.hook(node.pre_process, found.at("pre_process"), found.code, arguments=1)
        after = self.hook(node.post_process, found.at("post_process"), found.code, arguments=2)
        model = self._model(node.model, found.at("model"))
        if model is None:
            return None
        call = self._call(found, node, found.name, keys[0], model)
        return _hooked(call, keys[1:], before, after)

    def _multi(self, found: Written, node: written.MultiLlmNode) -> Node | None:
        if node.post_process is not None and node.multi_llm_post_process is not None:
            message = "post_process and multi_llm_post_process are the same; give one of them"
            self.issues.append(found.at("post_process").issue("odd-node", message, of_key=True))
        post = "post_process" if node.post_process else "multi_llm_post_process"
        path = node.post_process or node.multi_llm_post_process
        keys = self._keys(found, node.output_keys, filled_by=path)
        before = self.hook(node.pre_process, found.at("pre_process"), found.code, arguments=1)
        after = self.hook(path, found.at(post), found.code, arguments=2)
        members: dict[str, ImageNode | TextNode] = {}
        for label, model in node.models.items():
            resolved = self._model(model, found.at("models", label))
            if resolved is not None:
                name, field = f"{found.name}/{label}", f"{keys[0]}_{label}"
                members[label] = self._call(found, node, name, field, resolved)
        return MultiNode(
            name=found.name, members=members, output_key=keys[0], further_keys=keys[1:], before=before, after=after
        )

    def _lambda(self, found: Written, node: written.LambdaNode) -> Node | None:
        function = self.hook(node.lambda_, found.at("lambda"), found.code, arguments=2)
        outputs = [node.output_keys] if isinstance(node.output_keys, str) else node.output_keys or []
        for key in outputs:
            self._not_the_id(found, key)
        for key in found.data:
            meant = None if key in _LAMBDA_KEYS else closest(key, _LAMBDA_KEYS)
            if meant is not None and meant not in found.data:
                message = f"{key} is handed to the function, as all keys are that aren't a lambda node's own"
                hint = did_you_mean(key, _LAMBDA_KEYS)
                place = found.at(key)
                self.issues.append(place.issue("handed-over", message, severity="warning", of_key=True, hint=hint))
        if function is None:
            return None
        return LambdaNode(name=found.name, function=function, config=found.data, outputs=tuple(outputs))

    def _sampler(self, found: Written, node: written.SamplerNode) -> Node | None:
        attributes = []
        for name, attribute in node.attributes.items():
            self._not_the_id(found, name, "attributes")
            weights = attribute.weights
            if isinstance(attribute.values, list):
                values = attribute.values
            else:
                place = found.at("attributes", name, "values")
                values, even, issues = column_values(attribute.values, place, working_directory=self._working_directory)
                self.issues += issues
                weights = even if weights is None else weights
            weights = [1.0] * len(values) if weights is None else weights
            if len(weights) != len(values) or (values and not sum(weights)):
                message = f"{name} has {len(values)} values, so it needs as many weights, not all of them 0"
                self.issues.append(found.at("attributes", name, "weights").issue("odd-weights", message))
            attributes.append(Attribute(name=name, values=tuple(values), weights=tuple(weights)))
        return SamplerNode(name=found.name, attributes=tuple(attributes))

    def _model(self, model: NodeModel, place: Place) -> ResolvedModel | None:
        resolved, issues = self._models.resolved(model, place)
        self.issues += issues
        return resolved

    def _call(
        self,
        found: Written,
        node: _Asking,
        name: str,
        field: str,
        model: ResolvedModel,
    ) -> ImageNode | TextNode:
        messages = self._messages(found, node.prompt)
        parts = [part for _, of_message in messages for part in of_message]
        places = [place for _, place in parts]
        self.origins[name] = Origin(
            model=model.name_place,
            params=model.param_places,
            parts=tuple(places if node.mask is None else [*places, found.at("mask")]),
        )
        if node.mask is not None and (
            model.endpoint is not None or not any(isinstance(part, ImagePart) for part, _ in parts)
        ):
            message = "a mask says where an edit may change its first picture, and this node edits none"
            self._fault_once(found.at("mask").issue("odd-node", message, of_key=True))
        if model.endpoint is None:
            masks = () if node.mask is None else (MaskPart(template=node.mask),)
            content = (*(part for part, _ in parts), *masks)
            return ImageNode(
                name=name,
                model=model.name,
                params=model.params,
                parts=content,
                output_key=field,
                on_violation=node.on_violation,
            )
        for param in model.params:
            if param in _SET_BY_PIPELINE:
                message = f"{param} isn't a parameter to give: the pipeline sets it"
                self._fault_once(model.param_places[param].issue("set-by-pipeline", message, of_key=True))
        return TextNode(
            name=name,
            model=model.name,
            endpoint=model.endpoint,
            params=model.params,
            messages=tuple(
                ChatMessage(role=role, parts=tuple(part for part, _ in of_message)) for role, of_message in messages
            ),
            output_key=field,
        )

    def _messages(self, found: Written, prompt: list[written.Message]) -> list[tuple[str, list[_Part]]]:
        messages: list[tuple[str, list[_Part]]] = []
        for index, message in enumerate(prompt):
            said = {role: content for role, content in _contents(message) if content is not None}
            if len(said) != 1:
                has = f"has {', '.join(said)}" if said else "has nothing to say"
                sentence = f"a message has one of system, user and assistant; this one {has}"
                self._fault_once(found.at("prompt", index).issue("odd-message", sentence))
            for role, content in said.items():
                parts = [*_parts(content, found, ("prompt", index, role))]
                if parts:
                    messages.append((role, parts))
        if not any(isinstance(part, TextPart) for _, parts in messages for part, _ in parts):
            sentence = f"the prompt of {found.name} has no text; a model draws by what it is told"
            self._fault_once(found.at("prompt").issue("no-text", sentence, of_key=True))
        return messages

    def _keys(self, found: Written, written_keys: str | list[str], *, filled_by: str | None) -> tuple[str, ...]:
        keys = (written_keys,) if isinstance(written_keys, str) else tuple(written_keys)
        if len(keys) > 1 and filled_by is None:
            message = f"{found.name} has several output_keys, which only a post_process can fill"
            self.issues.append(found.at("output_keys").issue("odd-output-keys", message))
        for key in keys:
            self._not_the_id(found, key)
        return keys

    def _not_the_id(self, found: Written, key: str, where: str = "output_keys") -> None:
        if key == "id":
            sentence = f"{where} is id, which is the record's own name; choose another"
            self.issues.append(found.at(where).issue("id-as-output", sentence))

    def _fault_once(self, issue: Issue) -> None:
        if issue not in self.issues:
            self.issues.append(issue)


def _hooked(
    call: ImageNode | TextNode, further_keys: tuple[str, ...], before: Hook | None, after: Hook | None
) -> ImageNode | TextNode:
    return replace(call, further_keys=further_keys, before=before, after=after)


def _contents(message: written.Message) -> tuple[tuple[str, written.Content | None], ...]:
    return ("system", message.system), ("user", message.user), ("assistant", message.assistant)


def _parts(content: written.Content, found: Written, at: tuple[str | int, ...]) -> Iterator[_Part]:
    if isinstance(content, str):
        if content.strip():
            yield TextPart(template=content), found.at(*at)
        return
    for index, part in enumerate(content):
        if isinstance(part, written.TextContent):
            if part.text.strip():
                yield TextPart(template=part.text), found.at(*at, index, "text")
        else:
            link = part.image_url if isinstance(part.image_url, str) else part.image_url.url
            yield ImagePart(template=link), found.at(*at, index, "image_url")
