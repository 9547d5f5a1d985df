"""The registry: what callers may name, and which targets serve it. The only road to a provider checks first."""

import difflib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from types import MappingProxyType
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.check import accepting, hinted, violations
from imageway.contract.errors import UnknownModelError, UnsupportedError, Violation
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.contract.spec import ModelSpec
from imageway.contract.stream import ImageEvent, completed_events
from imageway.providers.protocol import ImageProvider, StreamingImageProvider

__all__ = ("Model", "Registry", "Target")


class Target(Struct, frozen=True, kw_only=True):
    """A model on a provider: `upstream_model` is the name there, `spec` the facts that requests must keep to."""

    provider_name: str
    provider: ImageProvider
    upstream_model: str
    spec: ModelSpec

    @property
    def label(self) -> str:
        """`provider/upstream model`, fit for an HTTP header."""
        return quote(f"{self.provider_name}/{self.upstream_model}", safe="/._-:@+ ")

    def violations(self, request: ImageRequest) -> tuple[Violation, ...]:
        return violations(request, self.spec)

    async def create(self, request: ImageRequest) -> ImageResult:
        """Check *request* against the spec, then have it drawn. Raises `UnsupportedError` before anything is sent."""
        found = self.violations(request)
        if found:
            raise UnsupportedError(model=request.model, violations=found)
        return await self.provider.create(self.upstream_model, request)

    @asynccontextmanager
    async def stream(self, request: ImageRequest) -> AsyncIterator[AsyncIterator[ImageEvent]]:
        """Like `create`, as events; a provider without a stream of its own shows the finished pictures only."""
        found = self.violations(request)
        if found:
            raise UnsupportedError(model=request.model, violations=found)
        if isinstance(self.provider, StreamingImageProvider):
            async with self.provider.stream(self.upstream_model, request) as events:
                yield events
            return
        params = {name: value for name, value in request.params.items() if name not in ("stream", "partial_images")}
        result = await self.provider.create(self.upstream_model, replace(request, params=params))
        async with aclosing(_each(completed_events(result))) as finished:
            yield finished


async def _each(events: Iterable[ImageEvent]) -> AsyncGenerator[ImageEvent, None]:
    for event in events:
        yield event


class Model(Struct, frozen=True, kw_only=True):
    """What callers name: the contract that they are checked against, and targets in order of preference."""

    name: str
    contract: ModelSpec
    targets: tuple[Target, ...]


class Registry:
    """Every configured model; immutable, built once."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._models = {model.name: model for model in models}
        self.contracts: Mapping[str, ModelSpec] = MappingProxyType(
            {name: model.contract for name, model in self._models.items()}
        )

    def model(self, name: str) -> Model:
        """The model called *name*; `UnknownModelError` names the closest one and all there are."""
        try:
            return self._models[name]
        except KeyError:
            closest = difflib.get_close_matches(name, self._models, n=1)
            raise UnknownModelError(model=name, known=self._models, closest=closest[0] if closest else None) from None

    def route(self, request: ImageRequest) -> tuple[Target, ...]:
        """The targets that can serve *request*, in order.

        Raises `UnknownModelError`, or `UnsupportedError` where the contract or every target refuses; the latter tells
        which other models here would accept the request.
        """
        model = self.model(request.model)
        found = violations(request, model.contract)
        able = tuple(target for target in model.targets if not target.violations(request)) if not found else ()
        if able:
            return able
        found = found or model.targets[0].violations(request)
        others = {name: spec for name, spec in self.contracts.items() if name != request.model}
        raise UnsupportedError(
            model=request.model,
            violations=hinted(request, found, others),
            accepted_by=accepting(request, others),
        )
