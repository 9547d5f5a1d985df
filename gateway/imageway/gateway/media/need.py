"""Which models can't be served without a picture store."""

from collections.abc import Iterable

from imageway.contract.request import Operation
from imageway.contract.spec import Choice, ModelSpec, OperationSpec

__all__ = ("hands_out_links", "needs_media")


def needs_media(contract: ModelSpec, targets: Iterable[ModelSpec], *, loopback: bool) -> bool:
    """Whether a start without `media` must be refused for a model that promises links by *contract*.

    *targets* are the specs of what serves it. One that does an operation and has no links for it leaves them to the
    gateway. On *loopback* the gateway has a store of its own.
    """
    if loopback:
        return False
    promised = [name for name, operation in contract.operations.items() if hands_out_links(operation)]
    return any(_leaves_links_to_the_gateway(target, promised) for target in targets)


def hands_out_links(operation: OperationSpec) -> bool:
    """Whether answers of *operation* are links, or can be asked to be."""
    response_format = operation.params.get("response_format")
    return operation.output.default == "url" or (
        isinstance(response_format, Choice) and "url" in response_format.values
    )


def _leaves_links_to_the_gateway(target: ModelSpec, promised: Iterable[Operation]) -> bool:
    operations = (target.operations.get(name) for name in promised)
    return any(operation is not None and not hands_out_links(operation) for operation in operations)
