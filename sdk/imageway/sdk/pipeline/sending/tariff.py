"""What calls may cost, by the gateway's word: it knows which target would draw, and what that one charges."""

import asyncio
from typing import Protocol, TypeAlias

import msgspec
from msgspec.structs import replace

from imageway.contract.cost import Estimate
from imageway.contract.request import ImageFacts, ImageRequest
from imageway.sdk.foresight import Foresight

__all__ = ("Tariff",)

_STEP_BYTES = 512
"""Prompts are priced by their length in these steps, rounded up."""

_Shape: TypeAlias = tuple[str, str, bytes, int, tuple[ImageFacts, ...], bool]


class Foreseeing(Protocol):
    """What a tariff needs of `AsyncClient`."""

    async def foresee(self, request: ImageRequest) -> Foresight: ...


class Tariff:
    """Bounds of calls' costs. The gateway is asked once for all calls that cost the same, with words for a prompt."""

    def __init__(self, client: Foreseeing) -> None:
        self._client = client
        self._known: dict[_Shape, asyncio.Task[Estimate | None]] = {}

    async def estimate(self, request: ImageRequest) -> Estimate | None:
        """Bounds for *request*; None where nobody knows a price. Raises `ImageError`."""
        steps = -(-len(str(request.params.get("prompt", "")).encode(errors="replace")) // _STEP_BYTES)
        shape = _shape(request, steps)
        if shape not in self._known:
            self._known[shape] = asyncio.ensure_future(self._asked(request, steps))
        try:
            return await asyncio.shield(self._known[shape])
        except Exception:
            self._known.pop(shape, None)
            raise

    async def _asked(self, request: ImageRequest, steps: int) -> Estimate | None:
        longest = replace(request, params={**request.params, "prompt": "x" * (steps * _STEP_BYTES)})
        told = await self._client.foresee(longest if "prompt" in request.params else request)
        if not told.would_send:  # such as a prompt that the step takes over the model's limit
            told = await self._client.foresee(request)
        return told.cost


def _shape(request: ImageRequest, steps: int) -> _Shape:
    params = {name: value for name, value in request.params.items() if name != "prompt"}
    return (
        request.operation,
        request.model,
        msgspec.json.encode(params, order="deterministic"),
        steps,
        tuple(image.facts for image in request.images),
        request.mask is not None,
    )
