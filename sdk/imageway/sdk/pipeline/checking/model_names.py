"""Names of models as tasks write them, and as the gateway knows them."""

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from imageway.contract.document import Issue
from imageway.contract.spec import ModelSpec
from imageway.contract.strict import did_you_mean
from imageway.sdk.pipeline.loading.loaded import LoadedTask
from imageway.sdk.pipeline.plan import ImageNode, MultiNode, Node

__all__ = ("normalised", "with_known_models")


def normalised(name: str, known: Collection[str]) -> str | None:
    """The one of *known* that *name* means: itself, or with `_` as `-` and `dalle` as `dall-e`; None where neither."""
    if name in known:
        return name
    hyphened = name.replace("_", "-").replace("dalle", "dall-e")
    return hyphened if hyphened in known else None


def with_known_models(task: LoadedTask, known: Mapping[str, ModelSpec]) -> tuple[LoadedTask | None, list[Issue]]:
    """*task* with the names that *known* has, what a name was taken as told once; None where one means nothing."""
    names: dict[str, str] = {}
    issues: dict[tuple[str, str], Issue] = {}
    for call in task.plan.image_nodes:
        name = normalised(call.model, known)
        place = task.origins[call.name].model
        if name is None:
            issues.setdefault(
                (call.name, call.model),
                place.issue("unknown-model", _unknown(call.model, task, known), hint=_closest(call.model, task, known)),
            )
        elif name != call.model:
            issues.setdefault(
                ("", call.model), place.issue("taken-as", f"{call.model} is taken as {name}", severity="note")
            )
        names[call.model] = name or call.model
    found = list(issues.values())
    if any(issue.severity == "error" for issue in found):
        return None, found
    nodes = tuple(_renamed(node, names) for node in task.plan.nodes)
    return replace(task, plan=replace(task.plan, nodes=nodes)), found


def _renamed(node: Node, names: Mapping[str, str]) -> Node:
    match node:
        case ImageNode():
            return replace(node, model=names[node.model])
        case MultiNode():
            members = {
                label: replace(member, model=names[member.model]) if isinstance(member, ImageNode) else member
                for label, member in node.members.items()
            }
            return replace(node, members=members)
        case _:
            return node


def _unknown(name: str, task: LoadedTask, known: Collection[str]) -> str:
    aliases = f"; aliases of the models file are {', '.join(task.aliases)}" if task.aliases else ""
    return f"the gateway knows no model {name}; it has {', '.join(known) or 'none'}{aliases}"


def _closest(name: str, task: LoadedTask, known: Collection[str]) -> str:
    return did_you_mean(name, [*known, *task.aliases])
