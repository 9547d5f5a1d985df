import asyncio
import base64
import io
import subprocess
import sys

import msgspec
import pytest
from msgspec import UNSET, UnsetType
from PIL import Image, ImageChops, ImageStat

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, JsonValue, Operation
from imageway.contract.result import ImageResult, TokenDetails, Usage
from imageway.contract.sniff import image_input
from imageway.contract.spec import Choice, ModelSpec
from imageway.contract.stream import CompletedImage, ImageEvent, PartialImage
from imageway.providers.catalogue import load_catalogue
from imageway.providers.sketch import SketchConfig, narrow, plugin
from imageway.providers.sketch.asked import asked_of
from imageway.providers.sketch.provider import SketchProvider
from imageway.providers.sketch.usage import usage_of


class Naps:
    """Remembers how long it was told to sleep."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def request(model: str = "gpt-image-1", **params: JsonValue) -> ImageRequest:
    return ImageRequest(operation=Operation.GENERATE, model=model, params={"prompt": "a red fox", **params})


def answer(model: str, **params: JsonValue) -> ImageResult:
    provider = SketchProvider(SketchConfig(), clock=lambda: 1700000000.9)
    return asyncio.run(provider.create(model, request(model, **params)))


def outcomes(config: SketchConfig, calls: int) -> list[ErrorCode | None]:
    provider = SketchProvider(config)

    async def outcome() -> ErrorCode | None:
        try:
            await provider.create("dall-e-2", request(size="256x256"))
        except ImageError as error:
            return error.code
        return None

    return [asyncio.run(outcome()) for _ in range(calls)]


def test_importing_the_plugin_does_not_load_pillow() -> None:
    code = "import sys, imageway.providers.sketch; sys.exit('PIL' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_plugin_builds_a_provider_for_any_kind() -> None:
    provider = plugin.build(SketchConfig())

    assert isinstance(provider, SketchProvider)
    assert (plugin.kind, plugin.extra, plugin.config_type) == (None, "gateway", SketchConfig)


def test_unknown_and_negative_options_are_refused() -> None:
    for options in ({"color": 1}, {"delay_s": -1}, {"break_every": -1}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(options, SketchConfig)


def test_a_gpt_image_model_tells_what_it_drew_and_what_it_used() -> None:
    result = answer("gpt-image-1")

    (image,) = result.images
    assert Image.open(io.BytesIO(image.content)).size == (1024, 1024)
    assert msgspec.structs.replace(result, images=()) == ImageResult(
        created=1700000000,
        images=(),
        background="opaque",
        output_format="png",
        quality="medium",
        size="1024x1024",
        usage=Usage(
            total_tokens=1059,
            input_tokens=3,
            output_tokens=1056,
            input_tokens_details=TokenDetails(text_tokens=3, image_tokens=0),
            output_tokens_details=TokenDetails(text_tokens=0, image_tokens=1056),
        ),
    )


@pytest.mark.parametrize(
    ("params", "tokens"),
    [
        ({"quality": "low"}, 272),
        ({"quality": "low", "size": "1024x1536"}, 408),
        ({"quality": "low", "size": "1536x1024"}, 400),
        ({"quality": "low", "n": 3}, 816),
        ({"quality": "high"}, 4160),
        ({"quality": "xhigh"}, 6240),
        ({"quality": "max"}, 8320),
        ({"quality": "low", "size": "2048x1024"}, 544),
    ],
)
def test_output_tokens_follow_quality_size_and_count(params: dict[str, JsonValue], tokens: int) -> None:
    asked = request(**params)
    usage = usage_of(asked_of("gpt-image-1", asked), asked)

    assert usage.output_tokens == tokens


@pytest.mark.parametrize(("size", "tokens"), [((512, 512), 194), ((1536, 1024), 323), ((100, 250), 452)])
def test_input_pictures_count_by_tiles(size: tuple[int, int], tokens: int) -> None:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, "PNG")
    asked = ImageRequest(
        operation=Operation.EDIT,
        model="gpt-image-1",
        params={"prompt": "sepia", "quality": "low"},
        images=(image_input(file.getvalue()),),
    )
    usage = usage_of(asked_of("gpt-image-1", asked), asked)

    assert usage.input_tokens_details == TokenDetails(text_tokens=2, image_tokens=tokens)


@pytest.mark.parametrize("response_format", [None, "url"])
def test_a_dall_e_model_answers_with_a_data_url_and_tells_nothing_else(response_format: str | None) -> None:
    result = answer("dall-e-2", size="256x256", response_format=response_format)

    (image,) = result.images
    assert isinstance(image.url, str)
    head, _, content = image.url.partition(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).format == "PNG"
    assert (image.b64_json, image.revised_prompt) == (UNSET, UNSET)
    assert msgspec.structs.replace(result, images=()) == ImageResult(created=1700000000, images=())


def test_dall_e_3_revises_the_prompt() -> None:
    (image,) = answer("dall-e-3", response_format="b64_json", style="natural").images

    assert image.url is UNSET
    assert image.revised_prompt == (
        "a red fox. Drawn in restrained, natural colours, with soft light from one side and a calm composition."
    )


def test_the_delay_is_waited_before_every_answer() -> None:
    naps = Naps()
    provider = SketchProvider(SketchConfig(delay_s=2.5), sleep=naps)
    asyncio.run(provider.create("dall-e-2", request(size="256x256")))

    assert naps.seconds == [2.5]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (SketchConfig(), [None, None]),
        (SketchConfig(throttle_every=2), [None, ErrorCode.RATE_LIMITED, None, ErrorCode.RATE_LIMITED]),
        (SketchConfig(refuse_every=1), [ErrorCode.CONTENT_REJECTED]),
        (
            SketchConfig(break_every=3, throttle_every=2),
            [None, ErrorCode.RATE_LIMITED, ErrorCode.UPSTREAM_UNAVAILABLE, ErrorCode.RATE_LIMITED],
        ),
    ],
)
def test_faults_are_rehearsed_every_nth_call(config: SketchConfig, expected: list[ErrorCode | None]) -> None:
    assert outcomes(config, len(expected)) == expected


def test_a_rehearsed_throttle_says_when_to_come_back_and_a_break_that_it_may_have_cost() -> None:
    faults = []
    for config in (SketchConfig(throttle_every=1), SketchConfig(break_every=1)):
        with pytest.raises(ImageError) as caught:
            asyncio.run(SketchProvider(config).create("gpt-image-1", request()))
        faults.append((caught.value.message, caught.value.retry_after_s, caught.value.may_have_billed))

    assert faults == [
        ("Rehearsal: sketch throttles this call.", 1.0, False),
        ("Rehearsal: sketch breaks off this call.", None, True),
    ]


@pytest.mark.parametrize("spec", load_catalogue().values(), ids=lambda spec: spec.name)
def test_a_narrowed_spec_has_neither_gif_nor_svg_and_is_otherwise_the_same(spec: ModelSpec) -> None:
    narrowed = narrow(SketchConfig(), spec)

    for name, operation in spec.operations.items():
        left = narrowed.operations[name]
        gone = {"frame_count", "frame_duration_ms", "svg"}
        assert {param: left.params[param] for param in left.params if param != "output_format"} == {
            param: domain for param, domain in operation.params.items() if param not in {*gone, "output_format"}
        }
        output_format = left.params.get("output_format")
        assert output_format is None or (
            isinstance(output_format, Choice) and set(output_format.values) <= {"png", "jpeg", "webp"}
        )
        assert left.rules == [rule for rule in operation.rules if rule != "svg_draws_one"]
    assert msgspec.structs.replace(narrowed, operations=spec.operations) == spec


def test_some_spec_of_the_catalogue_is_narrowed() -> None:
    assert any(narrow(SketchConfig(), spec) != spec for spec in load_catalogue().values())


def streamed(provider: SketchProvider, request: ImageRequest) -> list[ImageEvent]:
    async def collected() -> list[ImageEvent]:
        async with provider.stream(request.model, request) as events:
            return [event async for event in events]

    return asyncio.run(collected())


def test_previews_are_of_full_size_and_come_closer_to_the_picture() -> None:
    params: dict[str, JsonValue] = {"prompt": "a kite", "size": "1024x1024", "stream": True, "partial_images": 3}
    request = ImageRequest(operation=Operation.GENERATE, model="gpt-image-2", params=params)

    *shown, final = streamed(SketchProvider(SketchConfig()), request)

    assert isinstance(final, CompletedImage)
    finished = Image.open(io.BytesIO(final.image.content)).convert("RGB")
    distances = []
    for index, event in enumerate(shown):
        assert isinstance(event, PartialImage)
        assert event.index == index
        preview = Image.open(io.BytesIO(msgspec.json.decode(event.fields["b64_json"], type=bytes))).convert("RGB")
        assert preview.size == finished.size
        distances.append(sum(ImageStat.Stat(ImageChops.difference(preview, finished)).mean))
    assert distances == sorted(distances, reverse=True)
    assert len(set(distances)) == 3


def test_a_stream_without_previews_is_the_finished_picture_and_costs_no_more() -> None:
    def usage(**params: JsonValue) -> int:
        request = ImageRequest(
            operation=Operation.GENERATE, model="gpt-image-2", params={"prompt": "a kite", "stream": True, **params}
        )
        final = streamed(SketchProvider(SketchConfig()), request)[-1]
        assert isinstance(final, CompletedImage)
        assert not isinstance(final.usage, UnsetType)
        return final.usage.output_tokens

    assert usage(partial_images=2) - usage() == 200


def test_a_slow_stream_spreads_its_delay_over_its_events() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    params: dict[str, JsonValue] = {"prompt": "a kite", "stream": True, "partial_images": 3}
    request = ImageRequest(operation=Operation.GENERATE, model="gpt-image-2", params=params)

    streamed(SketchProvider(SketchConfig(delay_s=8.0), sleep=sleep), request)

    assert waits == [2.0] * 4


def test_a_rehearsed_fault_comes_before_the_stream() -> None:
    request = ImageRequest(operation=Operation.GENERATE, model="gpt-image-2", params={"prompt": "a kite"})

    with pytest.raises(ImageError, match="sketch throttles this call"):
        streamed(SketchProvider(SketchConfig(throttle_every=1)), request)


@pytest.mark.parametrize("params", [{"n": 10, "size": "16x16"}, {"size": "16x256"}, {"n": 1, "size": "32x16"}])
def test_what_is_small_enough_is_drawn_though_no_spec_lists_it(params: dict[str, JsonValue]) -> None:
    assert len(answer("gpt-image-1", **params).images) == params.get("n", 1)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n": 11, "size": "16x16"}, "n is 11, but sketch draws 1 to 10 at once."),
        ({"n": 0}, "n is 0, but sketch draws 1 to 10 at once."),
        ({"size": "7681x4320"}, "size is 7681x4320, but sketch draws edges from 16 px and up to 33177600 pixels."),
        ({"size": "15x64"}, "size is 15x64, but sketch draws edges from 16 px and up to 33177600 pixels."),
    ],
)
def test_what_no_memory_could_hold_is_refused_even_unchecked(params: dict[str, JsonValue], message: str) -> None:
    with pytest.raises(ImageError) as caught:
        answer("gpt-image-1", **params)

    assert (caught.value.code, caught.value.message) == (ErrorCode.INVALID_REQUEST, message)
