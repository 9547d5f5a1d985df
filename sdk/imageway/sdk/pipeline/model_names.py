"""Names of models as tasks write them, and as the gateway knows them."""

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from imageway.contract.document import Issue
from imageway.contract.spec import ModelSpec
from imageway.contract.strict import did_you_mean
from imageway.sdk.pipeline.loaded import LoadedTask

__all__ = ("normalised", "with_known_models")


def normalised(name: str, known: Collection[str]) -> str | None:
    """The one of *known* that *name* means: itself, or with `_` as `-` and `dalle` as `dall-e`; None where neither."""
    if name in known:
        return name
    hyphened = name.replace("_", "-").replace("dalle", "dall-e")
    return hyphened if hyphened in known else None


def with_known_models(task: LoadedTask, known: Mapping[str, ModelSpec]) -> tuple[LoadedTask | None, list[Issue]]:
    """*task* with the names that *known* has, what a name was taken as told once; None where one means nothing."""
    nodes = []
    issues: dict[tuple[str, str], Issue] = {}
    for node in task.plan.nodes:
        name = normalised(node.model, known)
        place = task.origins[node.name].model
        if name is None:
            issues.setdefault(
                (node.name, node.model),
                place.issue("unknown-model", _unknown(node.model, task, known), hint=_closest(node.model, task, known)),
            )
        elif name != node.model:
            issues.setdefault(
                ("", node.model), place.issue("taken-as", f"{node.model} is taken as {name}", severity="note")
            )
        nodes.append(replace(node, model=name or node.model))
    found = list(issues.values())
    if any(issue.severity == "error" for issue in found):
        return None, found
    return replace(task, plan=replace(task.plan, nodes=tuple(nodes))), found


def _unknown(name: str, task: LoadedTask, known: Collection[str]) -> str:
    aliases = f"; aliases of the models file are {', '.join(task.aliases)}" if task.aliases else ""
    return f"the gateway knows no model {name}; it has {', '.join(known) or 'none'}{aliases}"


def _closest(name: str, task: LoadedTask, known: Collection[str]) -> str:
    return did_you_mean(name, [*known, *task.aliases])
