"""What a call costs in USD: bounds before it from the published prices, exactly after it from the usage.

Prices are those of the spec, dated and with their source; an operator's catalogue overlay puts others in their place.
"""

import re
from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal

from msgspec import Struct, UnsetType

from imageway.contract.request import ImageRequest, JsonValue
from imageway.contract.result import Usage
from imageway.contract.spec import Choice, ModelSpec, OperationSpec, Price, Size, SizeGrid, TokenPrices, default_of

__all__ = ("Estimate", "cost", "estimate", "image_usd", "micro_usd")

_MILLION = Decimal(1_000_000)
_SIZE = re.compile(r"([0-9]+)x([0-9]+)")

_BYTES_PER_TOKEN = 8
_PREAMBLE_TOKENS = 128
"""Text tokens lie between a prompt's bytes and an eighth of them; the vendor may add words of its own."""

_INPUT_PICTURE_TOKENS = (194, 65 + 129 * 16 + 6240)
"""From one tile at low fidelity to sixteen with the surcharge of high fidelity: bounds, not published per picture."""

_DRAWN_TOKENS = {
    "low": (165, 408),
    "medium": (1056, 1767),
    "high": (4160, 7034),
    "xhigh": (4160, 14_068),
    "max": (4160, 28_136),
}
"""The least and most output tokens that any published figure for a picture of 1 to 1.6 megapixels comes to.

Nothing is published for `xhigh` and `max`: each is taken to cost at most twice the step below it.
"""
_UNSTATED = "unstated"
_DRAWN_PIXELS = (1024 * 1024, 1536 * 1024)


class Estimate(Struct, frozen=True, kw_only=True):
    """The least and the most that a call may cost; budgets reserve the most.

    `approximate` says that a figure behind it isn't published. Where it is false the bounds differ by the prompt's
    tokens, by previews, and by what the model may choose itself (`auto`).
    """

    low_usd: Decimal
    high_usd: Decimal
    approximate: bool


def estimate(request: ImageRequest, spec: ModelSpec) -> Estimate | None:
    """Bounds for *request*, which keeps to *spec*; None where the spec has no price.

    A size between the published ones costs from the cheapest picture of its quality, shrunk with its pixels, to the
    dearest, grown with them. `auto` as a size stays below what the vendor calls experimental.
    """
    operation = spec.operations[request.operation]
    lows, highs, n, frames = [], [], request.n, _frames(request)
    approximate = frames > 1
    for quality, size in _looks(request, operation):
        figure = _picture(quality, size, spec.price)
        if figure is None:
            return None
        lows.append(figure[0])
        highs.append(figure[1])
        approximate = approximate or figure[2]
    low, high = min(lows) * n, max(highs) * n * frames
    tokens = spec.price.tokens
    if tokens is not None:
        inputs = _inputs(request, tokens)
        low, high = low + inputs[0], high + inputs[1] + _previews(request, spec.price, tokens)
        approximate = approximate or bool(request.images)
    return Estimate(low_usd=low, high_usd=high, approximate=approximate)


def image_usd(price: Price, quality: str, size: str) -> Decimal | None:
    """The published price of one picture, without what its prompt costs at a model with token prices; else None."""
    return price.images.get(quality, {}).get(size)


def cost(usage: Usage | UnsetType, images: int, request: ImageRequest, spec: ModelSpec) -> Decimal | None:
    """What a call came to: by its *usage*, or else by the published price of *images* pictures; None for neither.

    Cached input isn't reported by the Images API, so none is assumed. `auto` without a usage has no exact price.
    """
    tokens = spec.price.tokens
    if tokens is not None and not isinstance(usage, UnsetType):
        return _by_usage(usage, tokens)
    looks = {
        image_usd(spec.price, quality, size) for quality, size in _looks(request, spec.operations[request.operation])
    }
    if len(looks) != 1 or tokens is not None:
        return None
    each = looks.pop()
    return None if each is None else each * images


def micro_usd(amount: Decimal) -> int:
    """*amount* in millionths of a dollar, the next higher whole one."""
    return int((amount * _MILLION).to_integral_value(rounding=ROUND_CEILING))


def _by_usage(usage: Usage, tokens: TokenPrices) -> Decimal:
    details = usage.input_tokens_details
    plain = max(0, usage.input_tokens - details.text_tokens - details.image_tokens)
    written = 0 if isinstance(usage.output_tokens_details, UnsetType) else usage.output_tokens_details.text_tokens
    written_rate = tokens.image_output if tokens.text_output is None else tokens.text_output
    return (
        (details.text_tokens + plain) * tokens.text_input
        + details.image_tokens * tokens.image_input
        + (usage.output_tokens - written) * tokens.image_output
        + written * written_rate
    ) / _MILLION


def _looks(request: ImageRequest, operation: OperationSpec) -> list[tuple[str, str]]:
    """The qualities and sizes that the pictures may have; `auto` leaves several."""
    qualities = _choices(request, operation, "quality") or ["standard"]
    sizes = _sizes(request, operation)
    return [(quality, size) for quality in qualities for size in sizes]


def _choices(request: ImageRequest, operation: OperationSpec, name: str) -> list[str]:
    value = _value(request, operation, name)
    domain = operation.params.get(name)
    if value != "auto" and isinstance(value, str):
        return [value]
    return [choice for choice in domain.values if choice != "auto"] if isinstance(domain, Choice | Size) else []


def _sizes(request: ImageRequest, operation: OperationSpec) -> list[str]:
    domain = operation.params.get("size")
    sizes = _choices(request, operation, "size")
    if not sizes and isinstance(domain, Size) and domain.grid is not None:
        return _corners(domain.grid)
    return sizes or [_UNSTATED]


def _corners(grid: SizeGrid) -> list[str]:
    """The smallest and the largest square of what a model may choose by itself."""
    largest = grid.experimental_above_pixels or grid.max_pixels
    step = grid.multiple_of_px
    edges = (int(grid.min_pixels**0.5) // step * step, int(largest**0.5) // step * step)
    return [f"{edge}x{edge}" for edge in edges]


def _value(request: ImageRequest, operation: OperationSpec, name: str) -> JsonValue:
    value = request.params.get(name)
    return default_of(operation.params, name) if value is None else value


def _picture(quality: str, size: str, price: Price) -> tuple[Decimal, Decimal, bool] | None:
    """The least and the most for one picture's pixels, and whether they are derived."""
    published = image_usd(price, quality, size)
    if published is not None:
        return published, published, False
    match = _SIZE.fullmatch(size)
    pixels = int(match[1]) * int(match[2]) if match else _DRAWN_PIXELS[0]
    listed = price.images.get(quality, {})
    if listed:
        areas = [_pixels(name) for name in listed]
        return (*_scaled(min(listed.values()), max(listed.values()), areas, pixels), True)
    if price.tokens is None:
        return None
    low, high = _DRAWN_TOKENS.get(quality, (_DRAWN_TOKENS["low"][0], _DRAWN_TOKENS["max"][1]))
    rate = price.tokens.image_output / _MILLION
    return (*_scaled(low * rate, high * rate, _DRAWN_PIXELS, pixels), True)


def _scaled(low: Decimal, high: Decimal, areas: Iterable[int], pixels: int) -> tuple[Decimal, Decimal]:
    known = sorted(areas)
    return low * min(Decimal(1), Decimal(pixels) / known[-1]), high * max(Decimal(1), Decimal(pixels) / known[0])


def _pixels(size: str) -> int:
    width, _, height = size.partition("x")
    return int(width) * int(height)


def _inputs(request: ImageRequest, tokens: TokenPrices) -> tuple[Decimal, Decimal]:
    prompt = request.params.get("prompt")
    prompt_bytes = len(prompt.encode()) if isinstance(prompt, str) else 0
    files = len(request.images) + (request.mask is not None) + (request.markup is not None)
    return (
        (prompt_bytes // _BYTES_PER_TOKEN * tokens.text_input + files * _INPUT_PICTURE_TOKENS[0] * tokens.image_input)
        / _MILLION,
        ((prompt_bytes + _PREAMBLE_TOKENS) * tokens.text_input + files * _INPUT_PICTURE_TOKENS[1] * tokens.image_input)
        / _MILLION,
    )


def _previews(request: ImageRequest, price: Price, tokens: TokenPrices) -> Decimal:
    previews = request.params.get("partial_images")
    if request.params.get("stream") is not True or not isinstance(previews, int):
        return Decimal(0)
    return previews * price.partial_image_output_tokens * tokens.image_output / _MILLION


def _frames(request: ImageRequest) -> int:
    """How many pictures an animation may count for; what its vendor charges for frames isn't published."""
    frames = request.params.get("frame_count", 9)
    return frames if request.params.get("output_format") == "gif" and isinstance(frames, int) else 1
