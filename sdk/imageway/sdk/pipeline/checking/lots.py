"""What nodes will find of the fields that are drawn by lot before them."""

from collections import Counter
from collections.abc import Set as AbstractSet

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.data.row import Row
from imageway.sdk.pipeline.graph import Graph
from imageway.sdk.pipeline.nodes.sampler import sampled
from imageway.sdk.pipeline.plan import Plan, SamplerNode, writes_of

__all__ = ("Lots",)


class Lots:
    """The lots of *plan* in a run of *seed*; *sure* are the nodes that every record comes to."""

    def __init__(self, plan: Plan, *, sure: AbstractSet[str], seed: int) -> None:
        samplers = [node for node in plan.nodes if isinstance(node, SamplerNode)]
        graph = Graph.of(plan)
        writers = Counter(name for node in plan.nodes for name in writes_of(node))
        self._before = {
            node.name: [one for one in samplers if one.name in graph.before(node.name)] for node in plan.nodes
        }
        self._sure = sure
        self._seed = seed
        self._disputed = frozenset(name for name, count in writers.items() if count > 1)

    def found(self, node: str, row: Row) -> dict[str, JsonValue]:
        """The fields that *node*, where a record comes to it, finds for sure: those that nobody else fills, either."""
        return {
            name: value
            for sampler in self._before[node]
            for name, value in sampled(sampler, seed=self._seed, record_id=row.record_id, draw=1).items()
            if name not in self._disputed and (sampler.name in self._sure or name not in row.fields)
        }
