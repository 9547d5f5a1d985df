"""The rule for sizes: draw the same shape at least as large, then resize to exactly what was asked for."""

import re
from collections.abc import Iterator
from math import gcd, isqrt

from msgspec.structs import replace

from imageway.contract.check_params import param_violations
from imageway.contract.request import JsonValue
from imageway.contract.spec import Choice, OperationSpec, Size, SizeGrid, default_of
from imageway.contract.wording import quoted_list
from imageway.providers.translation._draft import Draft, Pair

__all__ = ("drawing_size", "is_legal", "pixels", "size")

_SIZE = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")
_RESIZABLE = ("png", "jpeg", "webp")


def size(draft: Draft, pair: Pair) -> Draft:
    """The size that the caller gets, sent in so many words: a default of the contract needn't be the target's."""
    own, domain = pair.contract.params.get("size"), pair.target.params.get("size")
    if not isinstance(own, Size) or not isinstance(domain, Size):
        return draft
    stated = draft.request.params.get("size")
    meant = own.default if stated is None else stated
    if meant is None or (stated is None and meant == domain.default):
        return draft
    if is_legal(meant, domain):
        return draft.with_param("size", meant)
    wanted = pixels(meant)
    if wanted is None:
        return draft.with_param("size", meant)
    drawn = drawing_size(wanted, domain)
    if drawn is None:
        return draft.refusing(
            "size",
            f"Invalid size '{meant}'. {pair.target_model} draws nothing of exactly this shape that is at least as"
            f" large: it takes {_in_words(domain)}.",
            value=meant,
            allowed=_in_words(domain),
        )
    return _resizable(replace(draft.with_param("size", f"{drawn[0]}x{drawn[1]}"), resize_to=wanted), pair.contract)


def drawing_size(wanted: tuple[int, int], domain: Size) -> tuple[int, int] | None:
    """The smallest legal size with exactly the aspect of *wanted* and no edge shorter; None where there is none."""
    width, height = wanted
    listed = (
        found
        for found in map(pixels, domain.values)
        if found and found[0] >= width and found[0] * height == found[1] * width
    )
    on_grid = _on_grid(wanted, domain.grid) if domain.grid else iter(())
    legal = next((found for found in on_grid if is_legal(f"{found[0]}x{found[1]}", domain)), None)
    return min((*listed, *([legal] if legal else [])), default=None)


def _on_grid(wanted: tuple[int, int], grid: SizeGrid) -> Iterator[tuple[int, int]]:
    """Sizes of the wanted shape in rising order, none of them far below the grid's fewest pixels.

    What multiplies a shape in lowest terms must be a multiple itself.
    """
    scale = gcd(*wanted)
    across, down = wanted[0] // scale, wanted[1] // scale
    step = grid.multiple_of_px
    enough = isqrt(grid.min_pixels // (across * down)) // step * step
    first = max(-(-scale // step) * step, enough)
    for factor in range(first, grid.max_edge_px // max(across, down) + 1, step):
        yield factor * across, factor * down


def is_legal(value: JsonValue, domain: Size) -> bool:
    """Whether *domain* takes *value* as it is."""
    return not any(param_violations({"size": value}, {"size": domain}))


def pixels(value: JsonValue) -> tuple[int, int] | None:
    """Width and height of a `WIDTHxHEIGHT`; None for anything else, `auto` included."""
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else None


def _resizable(draft: Draft, contract: OperationSpec) -> Draft:
    params = draft.request.params
    if params.get("stream") is True:
        draft = draft.refusing(
            "stream",
            "'stream' is true, but a picture of this size is drawn larger and resized when it is finished:"
            " there is nothing to show before. Leave 'stream' out, or take another size.",
            value=True,
            allowed="not with a size that is reached by resizing",
        )
    output_format = params.get("output_format") or default_of(contract.params, "output_format")
    if isinstance(contract.params.get("output_format"), Choice) and output_format not in _RESIZABLE:
        draft = draft.refusing(
            "output_format",
            f"'output_format' is '{output_format}', but a picture of this size is drawn larger and resized, which is"
            f" done to {quoted_list(_RESIZABLE)} only. Take another size or format.",
            value=output_format,
            allowed=f"{quoted_list(_RESIZABLE, 'or')} with a size that is reached by resizing",
        )
    return draft


def _in_words(domain: Size) -> str:
    grid = domain.grid
    if grid is None:
        return quoted_list(domain.values, "or")
    free = (
        f"WIDTHxHEIGHT in steps of {grid.multiple_of_px} px, up to {grid.max_edge_px} px and {grid.max_ratio:g}:1,"
        f" {grid.min_pixels} to {grid.max_pixels} pixels"
    )
    return f"{quoted_list(domain.values, 'or')}, or {free}" if domain.values else free
