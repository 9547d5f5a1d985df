"""In which order targets are asked."""

import random
from collections import Counter

import pytest

from imageway.contract.request import ImageRequest, Operation
from imageway.gateway.engine.order import drawn_order, usual_order
from imageway.providers.catalogue import load_catalogue
from imageway.providers.registry import Passage, Target
from imageway.providers.sketch.config import SketchConfig
from imageway.providers.sketch.provider import SketchProvider

SPEC = load_catalogue()["openai/gpt-image-2"]
REQUEST = ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "x"})


def passage(name: str, priority: int, weight: int = 1) -> Passage:
    target = Target(
        provider_name=name,
        provider=SketchProvider(SketchConfig()),
        upstream_model="m",
        spec=SPEC,
        priority=priority,
        weight=weight,
    )
    return Passage(target=target, request=REQUEST)


def names(route: tuple[Passage, ...]) -> str:
    return "".join(passage.target.provider_name for passage in route)


def test_a_lower_priority_is_asked_first_whatever_the_weights() -> None:
    route = (passage("c", 3, 1000), passage("a", 1), passage("b", 2, 5))

    assert names(drawn_order(route, random.Random(1).random)) == "abc"
    assert names(usual_order(route)) == "abc"


@pytest.mark.parametrize(("weight", "share"), [(1, 1 / 2), (3, 3 / 4), (9, 9 / 10)])
def test_equals_share_calls_by_weight(weight: int, share: float) -> None:
    route = (passage("a", 1, weight), passage("b", 1), passage("z", 2))
    chance = random.Random(7).random

    orders = Counter(names(drawn_order(route, chance)) for _ in range(4000))

    assert set(orders) == {"abz", "baz"}
    assert orders["abz"] / 4000 == pytest.approx(share, abs=0.02)


def test_those_behind_the_first_are_drawn_by_weight_as_well() -> None:
    route = (passage("a", 1, 6), passage("b", 1, 3), passage("c", 1, 1))
    chance = random.Random(7).random

    orders = Counter(names(drawn_order(route, chance)) for _ in range(10_000))

    assert orders["abc"] / 10_000 == pytest.approx(6 / 10 * 3 / 4, abs=0.02)
    assert orders["cba"] / 10_000 == pytest.approx(1 / 10 * 3 / 9, abs=0.01)
