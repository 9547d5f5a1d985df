"""Fields drawn by lot, the same ones for a record in every run of a seed, whatever else is run and in which order."""

import random

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.plan import SamplerNode

__all__ = ("sampled",)


def sampled(node: SamplerNode, *, seed: int, record_id: str, draw: int) -> dict[str, JsonValue]:
    """A value for each attribute of *node*; *draw* counts how often the node runs for the record."""
    values: dict[str, JsonValue] = {}
    for attribute in node.attributes:
        lot = random.Random("\0".join((str(seed), record_id, node.name, attribute.name, str(draw))))  # noqa: S311  # draws, not secrets
        values[attribute.name] = lot.choices(attribute.values, weights=attribute.weights)[0]
    return values
