"""The size rule: what is drawn for a size that the target doesn't draw."""

import pytest
from msgspec.structs import replace

from imageway.contract.check_params import param_violations
from imageway.contract.errors import UnsupportedError
from imageway.contract.request import ImageRequest, JsonValue, Operation
from imageway.contract.spec import Choice, ModelSpec, OperationSpec, Size, SizeGrid
from imageway.providers.catalogue import load_catalogue
from imageway.providers.translation import Translation, translated
from imageway.providers.translation._size import drawing_size

CATALOGUE = load_catalogue()
GRID = SizeGrid(multiple_of_px=16, max_edge_px=3840, max_ratio=3, min_pixels=655360, max_pixels=8294400)
FLEXIBLE = Size(values=["auto"], default="auto", grid=GRID)
LISTED = Size(values=["auto", "1024x1024", "1536x1024", "1024x1536", "2048x2048"], default="auto")


def asks(**params: JsonValue) -> ImageRequest:
    return ImageRequest(operation=Operation.GENERATE, model="m", params={"prompt": "a kite", **params})


def onto(target: str, contract: str, **params: JsonValue) -> Translation:
    return translated(asks(**params), CATALOGUE[contract], CATALOGUE[target])


def drawn(target: str, contract: str, **params: JsonValue) -> tuple[JsonValue, tuple[int, int] | None, bool]:
    """The size that is sent, what is left to resize, and whether the rule is told."""
    found = onto(target, contract, **params)
    return found.request.params.get("size"), found.resize_to, "size" in found.rules


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ((256, 256), (816, 816)),
        ((512, 512), (816, 816)),
        ((1024, 1024), (1024, 1024)),
        ((1025, 1025), (1040, 1040)),
        ((1792, 1024), (1792, 1024)),
        ((896, 512), (1120, 640)),
        ((640, 480), (960, 720)),
        ((300, 100), (1440, 480)),
        ((301, 100), None),
        ((1920, 1080), (2048, 1152)),
        ((2880, 2880), (2880, 2880)),
        ((2881, 2881), None),
        ((3840, 2160), (3840, 2160)),
        ((257, 256), None),
    ],
    ids=lambda size: "x".join(map(str, size)) if size else "none",
)
def test_on_a_grid_the_smallest_legal_size_of_the_same_shape_is_drawn(
    wanted: tuple[int, int], expected: tuple[int, int] | None
) -> None:
    assert drawing_size(wanted, FLEXIBLE) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ((256, 256), (1024, 1024)),
        ((1024, 1024), (1024, 1024)),
        ((1025, 1025), (2048, 2048)),
        ((2049, 2049), None),
        ((768, 512), (1536, 1024)),
        ((512, 768), (1024, 1536)),
        ((1792, 1024), None),
    ],
    ids=lambda size: "x".join(map(str, size)) if size else "none",
)
def test_among_listed_sizes_the_smallest_of_the_same_shape_is_drawn(
    wanted: tuple[int, int], expected: tuple[int, int] | None
) -> None:
    assert drawing_size(wanted, LISTED) == expected


def test_a_listed_size_and_a_grid_compete() -> None:
    both = Size(values=["512x512"], grid=GRID)

    assert drawing_size((256, 256), both) == (512, 512)
    assert drawing_size((513, 513), both) == (816, 816)


@pytest.mark.parametrize("multiple", [6, 10, 16])
def test_no_smaller_legal_size_exists_than_the_one_that_is_drawn(multiple: int) -> None:
    domain = Size(
        values=[],
        grid=SizeGrid(multiple_of_px=multiple, max_edge_px=96, max_ratio=3, min_pixels=1000, max_pixels=6000),
    )
    legal = [
        (width, height)
        for width in range(1, 97)
        for height in range(1, 97)
        if not any(param_violations({"size": f"{width}x{height}"}, {"size": domain}))
    ]

    for width in range(1, 98, 3):
        for height in range(1, 98, 2):
            fitting = [size for size in legal if size[0] * height == size[1] * width and size[0] >= width]
            assert drawing_size((width, height), domain) == min(fitting, default=None)


@pytest.mark.parametrize(
    "target",
    ["openai/gpt-image-2", "openai/gpt-image-2.5-sunburst", "openai/gpt-image-2.6-flare", "azure/gpt-image-2"],
)
def test_old_sizes_on_models_with_free_sizes(target: str) -> None:
    assert drawn(target, "openai/dall-e-2", size="256x256") == ("816x816", (256, 256), True)
    assert drawn(target, "openai/dall-e-2", size="512x512") == ("816x816", (512, 512), True)
    assert drawn(target, "openai/dall-e-2", size="1024x1024") == ("1024x1024", None, False)
    assert drawn(target, "openai/dall-e-3", size="1792x1024") == ("1792x1024", None, False)
    assert drawn(target, "openai/dall-e-3", size="1024x1792") == ("1024x1792", None, False)
    assert drawn(target, "openai/gpt-image-1", size="1536x1024") == ("1536x1024", None, False)


@pytest.mark.parametrize("size", [{}, {"size": None}], ids=["left-out", "null"])
def test_the_contracts_default_is_sent_where_it_is_not_the_targets(size: dict[str, JsonValue]) -> None:
    assert drawn("openai/gpt-image-2", "openai/dall-e-3", **size) == ("1024x1024", None, True)


@pytest.mark.parametrize("size", [{}, {"size": None}, {"size": "auto"}], ids=["left-out", "null", "auto"])
def test_auto_stays_as_it_was_sent(size: dict[str, JsonValue]) -> None:
    found = onto("openai/gpt-image-2", "openai/gpt-image-1", **size)

    assert found == Translation(request=asks(**size), keeps=("background", "output_format", "quality", "size", "usage"))


def test_a_shape_that_the_target_does_not_draw_is_refused() -> None:
    with pytest.raises(UnsupportedError) as caught:
        onto("openai/gpt-image-1", "openai/dall-e-3", size="1792x1024")

    assert [violation.param for violation in caught.value.violations] == ["size"]
    assert caught.value.message == (
        "Invalid size '1792x1024'. gpt-image-1 draws nothing of exactly this shape that is at least as large:"
        " it takes 'auto', '1024x1024', '1536x1024', or '1024x1536'."
    )


def test_a_refusal_tells_a_grid_in_words() -> None:
    with pytest.raises(UnsupportedError) as caught:
        translated(asks(size="2000x500"), sized("2000x500"), CATALOGUE["openai/gpt-image-2"])

    assert caught.value.message == (
        "Invalid size '2000x500'. gpt-image-2 draws nothing of exactly this shape that is at least as large: it takes"
        " 'auto', or WIDTHxHEIGHT in steps of 16 px, up to 3840 px and 3:1, 655360 to 8294400 pixels."
    )


def test_a_target_without_auto_refuses_it_and_tells_where_it_comes_from() -> None:
    with pytest.raises(UnsupportedError) as caught:
        onto("openai/dall-e-3", "openai/gpt-image-1", quality=None)

    assert [violation.message for violation in caught.value.violations] == [
        "Invalid value: 'auto'. Supported values are: 'standard' and 'hd'."
        " This comes of the translation rule 'quality'.",
        "Invalid size 'auto'. Supported sizes are: '1024x1024', '1792x1024', and '1024x1792'."
        " This comes of the translation rule 'size'.",
    ]


def test_a_resized_picture_is_not_streamed() -> None:
    contract, target = sized("512x512"), CATALOGUE["openai/gpt-image-2"]

    assert translated(asks(size="512x512", stream=False), contract, target).resize_to == (512, 512)
    assert translated(asks(size="1024x1024", stream=True), sized("1024x1024"), target).resize_to is None
    with pytest.raises(UnsupportedError) as caught:
        translated(asks(size="512x512", stream=True), contract, target)

    assert [violation.param for violation in caught.value.violations] == ["stream"]
    assert caught.value.message == (
        "'stream' is true, but a picture of this size is drawn larger and resized when it is finished:"
        " there is nothing to show before. Leave 'stream' out, or take another size."
    )


def test_only_formats_of_pixels_in_one_frame_are_resized() -> None:
    contract, target = sized("512x512", base="openai/gpt-image-2.5-flare"), CATALOGUE["openai/gpt-image-2.5-flare"]

    assert translated(asks(size="512x512", output_format="webp"), contract, target).resize_to == (512, 512)
    with pytest.raises(UnsupportedError) as caught:
        translated(asks(size="512x512", output_format="gif"), contract, target)

    assert [violation.param for violation in caught.value.violations] == ["output_format"]
    assert caught.value.message == (
        "'output_format' is 'gif', but a picture of this size is drawn larger and resized, which is done to"
        " 'png', 'jpeg', and 'webp' only. Take another size or format."
    )


def test_a_format_that_is_the_contracts_default_counts_too() -> None:
    base = "openai/gpt-image-2.5-flare"
    moving = Choice(values=["png", "gif"], default="gif")

    with pytest.raises(UnsupportedError) as caught:
        translated(asks(size="512x512"), sized("512x512", base=base, output_format=moving), CATALOGUE[base])

    assert [violation.param for violation in caught.value.violations] == ["output_format"]


def sized(size: str, base: str = "openai/gpt-image-1", **params: Choice) -> ModelSpec:
    """A contract of the newer kind with an unusual size."""
    spec = CATALOGUE[base]
    promised = spec.operations[Operation.GENERATE]
    changed: OperationSpec = replace(promised, params={**promised.params, "size": Size(values=[size]), **params})
    return replace(spec, operations={Operation.GENERATE: changed})
