"""The registry: no road to a provider leads past the check."""

import asyncio

import pytest

from imageway.contract.errors import UnknownModelError, UnsupportedError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.providers.catalogue import load_catalogue
from imageway.providers.registry import Model, Passage, Registry, Target

CATALOGUE = load_catalogue()


class Recorder:
    """A provider that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ImageRequest]] = []

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        self.asked.append((upstream_model, request))
        return ImageResult(created=1, images=(GeneratedImage.from_bytes(b"x"),))

    async def aclose(self) -> None:
        return


def target(provider: Recorder, spec: str, upstream_model: str = "up") -> Target:
    return Target(provider_name="p", provider=provider, upstream_model=upstream_model, spec=CATALOGUE[spec])


def model(name: str, spec: str, *targets: Target) -> Model:
    return Model(name=name, contract=CATALOGUE[spec], targets=targets)


def asks(model_name: str, **params: str | int) -> ImageRequest:
    return ImageRequest(operation=Operation.GENERATE, model=model_name, params={"prompt": "a kite", **params})


def test_a_target_hands_on_what_its_spec_takes() -> None:
    provider = Recorder()
    request = asks("x", size="1024x1024")

    asyncio.run(target(provider, "openai/dall-e-3").create(request))

    assert provider.asked == [("up", request)]


def test_a_target_refuses_what_its_spec_does_not_take() -> None:
    provider = Recorder()

    with pytest.raises(UnsupportedError) as caught:
        asyncio.run(target(provider, "openai/dall-e-3").create(asks("x", size="512x512")))

    assert [violation.param for violation in caught.value.violations] == ["size"]
    assert provider.asked == []


def test_targets_that_cannot_serve_a_request_are_skipped_for_it() -> None:
    provider = Recorder()
    narrow, wide = target(provider, "azure/gpt-image-1"), target(provider, "openai/gpt-image-1")
    registry = Registry([model("m", "openai/gpt-image-1", narrow, wide)])

    assert registry.route(asks("m")) == (
        Passage(target=narrow, request=asks("m"), checked=True),
        Passage(target=wide, request=asks("m"), checked=True),
    )
    assert [passage.target for passage in registry.route(asks("m", output_format="webp"))] == [wide]


def test_a_passage_that_nobody_checked_is_checked_before_its_provider_is_asked() -> None:
    provider = Recorder()

    with pytest.raises(UnsupportedError):
        asyncio.run(Passage(target=target(provider, "openai/dall-e-3"), request=asks("x", size="512x512")).create())

    assert provider.asked == []


def test_where_every_target_refuses_the_first_ones_faults_are_told() -> None:
    provider = Recorder()
    registry = Registry(
        [
            model("m", "openai/gpt-image-1", target(provider, "azure/gpt-image-1")),
            model("wide", "openai/gpt-image-1", target(provider, "openai/gpt-image-1")),
        ]
    )

    with pytest.raises(UnsupportedError) as caught:
        registry.route(asks("m", output_format="webp"))

    assert [(fault.param, fault.allowed) for fault in caught.value.violations] == [("output_format", ["png", "jpeg"])]
    assert caught.value.accepted_by == ("wide",)


def test_an_unknown_model_is_told_with_all_that_there_are() -> None:
    registry = Registry([model("gpt-image-1", "openai/gpt-image-1")])

    with pytest.raises(UnknownModelError) as caught:
        registry.route(asks("gpt_image_1"))

    assert caught.value.message == (
        "The model 'gpt_image_1' does not exist. Did you mean 'gpt-image-1'? Models here: gpt-image-1."
    )
