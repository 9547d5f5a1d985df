"""The registry: what callers may name, and which targets serve it.

The only road to a provider checks first, unless the configuration turns that off for a model.
"""

import difflib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Literal, TypeAlias
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.check import accepting, hinted, violations
from imageway.contract.errors import UnknownModelError, UnsupportedError, Violation
from imageway.contract.lifecycle import has_ended, shutdown_violation
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.contract.spec import ModelSpec
from imageway.contract.stream import ImageEvent, completed_events
from imageway.contract.validation import Validation, forgiven
from imageway.providers.protocol import ImageProvider, StreamingImageProvider

__all__ = ("LifecycleMode", "Model", "Registry", "Route", "Target", "utc_today")

LifecycleMode: TypeAlias = Literal["warn", "enforce"]
"""What a vendor's shutdown date does to a target: it is told, or requests are refused from that day on."""


def utc_today() -> date:
    return datetime.now(tz=UTC).date()


class Target(Struct, frozen=True, kw_only=True):
    """A model on a provider: `upstream_model` is the name there, `spec` the facts that requests must keep to.

    An `unchecked` target takes whatever comes. The spec's shutdown date holds for a `dated` one; elsewhere the model
    lives as long as its host lets it.
    """

    provider_name: str
    provider: ImageProvider
    upstream_model: str
    spec: ModelSpec
    unchecked: bool = False
    dated: bool = True

    @property
    def label(self) -> str:
        """`provider/upstream model`, fit for an HTTP header."""
        return quote(f"{self.provider_name}/{self.upstream_model}", safe="/._-:@+ ")

    def violations(self, request: ImageRequest) -> tuple[Violation, ...]:
        return () if self.unchecked else violations(request, self.spec)

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
    """What callers name: the contract that they are checked against, and targets in order of preference.

    The targets of a model with `validation` off must be `unchecked`. With `lifecycle` enforce a target refuses from its
    spec's shutdown date on, wherever it is hosted.
    """

    name: str
    contract: ModelSpec
    targets: tuple[Target, ...]
    validation: Validation = "strict"
    lifecycle: LifecycleMode = "warn"

    def standing(self, today: date) -> tuple[Target, ...]:
        """The targets that still serve on the day *today*."""
        if self.lifecycle == "warn":
            return self.targets
        return tuple(target for target in self.targets if not has_ended(target.spec.lifecycle, today))


class Route(Struct, frozen=True, kw_only=True):
    """Where a request may go: its targets in order, and the request as they take it.

    `translated` names the rules by which it was changed on the way.
    """

    request: ImageRequest
    targets: tuple[Target, ...]
    translated: tuple[str, ...] = ()


class Registry:
    """Every configured model; immutable, built once. *today* tells the day in UTC, for shutdown dates."""

    def __init__(self, models: Iterable[Model], *, today: Callable[[], date] = utc_today) -> None:
        self._today = today
        self._models = {model.name: model for model in models}
        self.contracts: Mapping[str, ModelSpec] = MappingProxyType(
            {name: model.contract for name, model in self._models.items()}
        )
        self.validations: Mapping[str, Validation] = MappingProxyType(
            {name: model.validation for name, model in self._models.items()}
        )

    @property
    def models(self) -> tuple[Model, ...]:
        return tuple(self._models.values())

    def model(self, name: str) -> Model:
        """The model called *name*; `UnknownModelError` names the closest one and all there are."""
        try:
            return self._models[name]
        except KeyError:
            closest = difflib.get_close_matches(name, self._models, n=1)
            raise UnknownModelError(model=name, known=self._models, closest=closest[0] if closest else None) from None

    def route(self, asked: ImageRequest) -> Route:
        """The way of what a caller *asked*, to the targets that can serve it.

        Raises `UnknownModelError`, or `UnsupportedError` where the contract or every target refuses or has ended; the
        latter tells which other models here would accept the request.
        """
        model = self.model(asked.model)
        today = self._today()
        standing = model.standing(today)
        if model.validation == "off" and standing:
            return Route(request=asked, targets=standing)
        request, translated = forgiven(asked, model.contract) if model.validation == "tolerant" else (asked, ())
        found = () if model.validation == "off" else violations(request, model.contract)
        if not standing:
            found = (shutdown_violation(model.name, model.targets[0].spec), *found)
        able = tuple(target for target in standing if not target.violations(request)) if not found else ()
        if able:
            return Route(request=request, targets=able, translated=translated)
        found = found or standing[0].violations(request)
        others = {
            other.name: other.contract
            for other in self._models.values()
            if other.name != model.name and other.standing(today)
        }
        raise UnsupportedError(
            model=asked.model,
            violations=hinted(asked, found, others),
            accepted_by=accepting(asked, others),
        )
