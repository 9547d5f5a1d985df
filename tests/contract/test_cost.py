"""Costs: the published table to its last digit, honest bounds elsewhere, and the exact sum once the usage is known."""

from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from imageway.contract.cost import Estimate, cost, estimate, image_usd, micro_usd
from imageway.contract.request import ImageRequest, JsonValue, Operation
from imageway.contract.result import TokenDetails, Usage
from imageway.contract.sniff import image_input
from imageway.contract.spec import Price
from imageway.providers.catalogue import load_catalogue
from pictures import picture

CATALOGUE = load_catalogue()
PROMPT = "x" * 80
"""Ten to eighty tokens, and up to 128 of the vendor's own."""

PUBLISHED = {
    "openai/gpt-image-1": {"low": (".011", ".016"), "medium": (".042", ".063"), "high": (".167", ".25")},
    "openai/gpt-image-1-mini": {"low": (".005", ".006"), "medium": (".011", ".015"), "high": (".036", ".052")},
    "openai/gpt-image-1.5": {"low": (".009", ".013"), "medium": (".034", ".05"), "high": (".133", ".2")},
    "openai/gpt-image-2": {"low": (".006", ".005"), "medium": (".053", ".041"), "high": (".211", ".165")},
    "openai/dall-e-3": {"standard": (".040", ".080"), "hd": (".080", ".120")},
    "azure/dall-e-3": {"standard": (".044", ".088"), "hd": (".088", ".132")},
}


def asks(operation: Operation = Operation.GENERATE, **params: JsonValue) -> ImageRequest:
    return ImageRequest(operation=operation, model="m", params={"prompt": PROMPT, **params})


def usage(text: int, image: int, output: int, written: int | None = None) -> Usage:
    return Usage(
        total_tokens=text + image + output,
        input_tokens=text + image,
        output_tokens=output,
        input_tokens_details=TokenDetails(text_tokens=text, image_tokens=image),
        output_tokens_details=UNSET if written is None else TokenDetails(text_tokens=written),
    )


@pytest.mark.parametrize(
    ("row", "quality", "size", "usd"),
    [
        (row, quality, size, usd)
        for row, table in PUBLISHED.items()
        for quality, (square, wide) in table.items()
        for size, usd in (
            [("1024x1024", square), ("1792x1024", wide), ("1024x1792", wide)]
            if "dall-e" in row
            else [("1024x1024", square), ("1024x1536", wide), ("1536x1024", wide)]
        )
    ]
    + [
        ("openai/dall-e-2", "standard", f"{edge}x{edge}", usd)
        for edge, usd in ((256, ".016"), (512, ".018"), (1024, ".020"))
    ],
)
def test_the_published_table_is_reproduced(row: str, quality: str, size: str, usd: str) -> None:
    spec = CATALOGUE[row]
    found = estimate(asks(size=size, quality=quality), spec)

    assert image_usd(spec.price, quality, size) == Decimal(usd)
    assert found is not None
    assert not found.approximate
    if spec.price.tokens is None:
        assert (found.low_usd, found.high_usd) == (Decimal(usd), Decimal(usd))
    else:
        rate = spec.price.tokens.text_input / 1_000_000
        assert (found.low_usd, found.high_usd) == (Decimal(usd) + 10 * rate, Decimal(usd) + 208 * rate)


def test_each_picture_is_counted() -> None:
    spec = CATALOGUE["openai/dall-e-2"]

    assert estimate(asks(n=7, size="512x512"), spec) == Estimate(
        low_usd=Decimal(".126"), high_usd=Decimal(".126"), approximate=False
    )


def test_what_is_left_out_costs_what_the_defaults_cost() -> None:
    assert estimate(asks(), CATALOGUE["openai/dall-e-3"]) == estimate(
        asks(size="1024x1024", quality="standard", n=1), CATALOGUE["openai/dall-e-3"]
    )


def test_what_the_model_may_choose_is_a_range_of_published_figures() -> None:
    found = estimate(asks(prompt=""), CATALOGUE["openai/gpt-image-1"])

    assert found == Estimate(low_usd=Decimal(".011"), high_usd=Decimal(".25") + Decimal(".00064"), approximate=False)


@pytest.mark.parametrize(
    ("size", "low", "high"),
    [
        ("2048x2048", ".041", ".212"),
        ("1280x1024", ".0341666667", ".06625"),
        ("816x816", ".0173569336", ".053"),
    ],
)
def test_a_size_between_published_ones_has_bounds_that_say_so(size: str, low: str, high: str) -> None:
    found = estimate(asks(prompt="", size=size, quality="medium"), CATALOGUE["openai/gpt-image-2"])

    assert found is not None
    assert found.approximate
    assert found.low_usd.quantize(Decimal("1e-10")) == Decimal(low).quantize(Decimal("1e-10"))
    assert (found.high_usd - Decimal(".00064")).quantize(Decimal("1e-10")) == Decimal(high).quantize(Decimal("1e-10"))


@pytest.mark.parametrize("row", [name for name, spec in CATALOGUE.items() if spec.price.tokens])
def test_a_better_quality_never_has_a_lower_bound(row: str) -> None:
    values = [
        found
        for quality in ("low", "medium", "high", "xhigh", "max")
        if (found := estimate(asks(quality=quality, size="1024x1024"), CATALOGUE[row])) is not None
    ]

    assert [value.high_usd for value in values] == sorted(value.high_usd for value in values)
    assert all(value.low_usd <= value.high_usd for value in values)


def test_a_model_without_a_table_has_bounds_around_its_siblings() -> None:
    known = estimate(asks(quality="high", size="1024x1024"), CATALOGUE["openai/gpt-image-2"])
    found = estimate(asks(quality="high", size="1024x1024"), CATALOGUE["openai/gpt-image-2.6-sunburst"])

    assert known is not None
    assert found is not None
    assert found.approximate
    assert found.low_usd < known.low_usd < known.high_usd <= found.high_usd


def test_a_size_that_the_model_may_choose_from_a_grid_is_bounded_by_the_grid() -> None:
    spec = CATALOGUE["openai/gpt-image-2"]
    chosen = estimate(asks(quality="low"), spec)
    largest = estimate(asks(quality="low", size="1920x1920"), spec)

    assert chosen is not None
    assert largest is not None
    assert chosen.high_usd == largest.high_usd


def test_previews_may_be_charged_and_may_stay_away() -> None:
    spec = CATALOGUE["openai/gpt-image-1"]
    plain = estimate(asks(size="1024x1024", quality="low"), spec)
    shown = estimate(asks(size="1024x1024", quality="low", stream=True, partial_images=3), spec)

    assert plain is not None
    assert shown is not None
    assert (shown.low_usd, shown.high_usd - plain.high_usd) == (plain.low_usd, 300 * Decimal(40) / 1_000_000)


def test_input_pictures_and_masks_have_bounds() -> None:
    spec = CATALOGUE["openai/gpt-image-1"]
    file = image_input(picture())
    params: dict[str, JsonValue] = {"prompt": "", "size": "1024x1024", "quality": "low"}
    request = ImageRequest(operation=Operation.EDIT, model="m", params=params, images=(file,), mask=file)

    found = estimate(request, spec)

    assert found == Estimate(
        low_usd=Decimal(".011") + 2 * 194 * Decimal(10) / 1_000_000,
        high_usd=Decimal(".011") + Decimal(".00064") + 2 * 8369 * Decimal(10) / 1_000_000,
        approximate=True,
    )


def test_an_animation_may_cost_as_much_as_its_frames() -> None:
    spec = CATALOGUE["openai/gpt-image-2.5-flare"]
    still = estimate(asks(prompt="", quality="low", size="1024x1024"), spec)
    moving = estimate(asks(prompt="", quality="low", size="1024x1024", output_format="gif", frame_count=4), spec)

    assert still is not None
    assert moving is not None
    assert moving.high_usd - Decimal(".00064") == 4 * (still.high_usd - Decimal(".00064"))
    assert moving.approximate


def test_a_model_without_a_price_has_no_estimate() -> None:
    assert estimate(asks(size="1024x1024"), CATALOGUE["azure/dall-e-2"]) is None
    assert cost(UNSET, 1, asks(size="1024x1024"), CATALOGUE["azure/dall-e-2"]) is None


@pytest.mark.parametrize(
    ("row", "counted", "usd"),
    [
        ("openai/gpt-image-1", usage(10, 0, 272), "0.01093"),
        ("openai/gpt-image-1", usage(10, 323, 1056), "0.04552"),
        ("openai/gpt-image-1.5", usage(10, 0, 1000, written=100), "0.02985"),
        ("openai/gpt-image-2", usage(10, 0, 1000, written=100), "0.03005"),
    ],
)
def test_the_usage_gives_the_exact_sum(row: str, counted: Usage, usd: str) -> None:
    assert cost(counted, 1, asks(), CATALOGUE[row]) == Decimal(usd)


def test_tokens_of_no_known_kind_count_as_text() -> None:
    odd = Usage(total_tokens=7, input_tokens=7, output_tokens=0, input_tokens_details=TokenDetails())

    assert cost(odd, 1, asks(), CATALOGUE["openai/gpt-image-1"]) == Decimal("0.000035")


def test_without_a_usage_the_pictures_that_came_are_counted() -> None:
    assert cost(UNSET, 2, asks(n=3, size="256x256"), CATALOGUE["openai/dall-e-2"]) == Decimal(".032")


def test_without_a_usage_a_model_with_token_prices_has_no_exact_cost() -> None:
    assert cost(UNSET, 1, asks(size="1024x1024", quality="low"), CATALOGUE["openai/gpt-image-1"]) is None


def test_an_operators_price_takes_the_place_of_the_published_one(tmp_path: Path) -> None:
    overlay = tmp_path / "prices.yaml"
    overlay.write_text(
        "openai/dall-e-3:\n  extends: dall-e-3\n  price:\n    source: our contract of 2026-01\n"
        "    images: {standard: {1024x1024: 0.03}}\n"
    )
    spec = load_catalogue([overlay])["openai/dall-e-3"]

    assert estimate(asks(), spec) == Estimate(low_usd=Decimal(".03"), high_usd=Decimal(".03"), approximate=False)
    assert cost(UNSET, 1, asks(size="1792x1024"), spec) == Decimal(".08")


@pytest.mark.parametrize(
    ("usd", "micro"), [("0.0000001", 1), ("0.000001", 1), ("0.0000011", 2), ("0", 0), ("1.5", 1_500_000)]
)
def test_budgets_count_the_next_whole_millionth(usd: str, micro: int) -> None:
    assert micro_usd(Decimal(usd)) == micro


def test_an_operation_without_a_size_has_a_price_all_the_same_or_none() -> None:
    plain = CATALOGUE["openai/gpt-image-1"]
    operation = plain.operations[Operation.GENERATE]
    params = {name: param for name, param in operation.params.items() if name not in ("size", "quality")}
    sizeless = replace(plain, operations={Operation.GENERATE: replace(operation, params=params)})

    found = estimate(asks(), sizeless)

    assert found is not None
    assert found.approximate
    assert estimate(asks(), replace(sizeless, price=Price(source="they are free"))) is None
