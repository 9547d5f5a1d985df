"""The registry: what callers may name, and which targets serve it.

The only road to a provider checks first, unless the configuration turns that off for a model.
"""

import difflib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, TypeAlias, cast
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.check import accepting, hinted, violations
from imageway.contract.content import Store
from imageway.contract.errors import UnknownModelError, UnsupportedError, Violation
from imageway.contract.lifecycle import has_ended, shutdown_violation
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.contract.spec import ModelSpec
from imageway.contract.stream import ImageEvent, completed_events
from imageway.contract.validation import Validation, forgiven
from imageway.providers.protocol import ImageProvider, StoringImageProvider, StreamingImageProvider
from imageway.providers.traffic_rules import BreakerRules, RetryRules, TargetLimits
from imageway.providers.translation import Translation, translated

__all__ = ("LifecycleMode", "Model", "Passage", "Registry", "Target", "utc_today")

LifecycleMode: TypeAlias = Literal["warn", "enforce"]
"""What a vendor's shutdown date does to a target: it is told, or requests are refused from that day on."""


def utc_today() -> date:
    return datetime.now(tz=UTC).date()


class Target(Struct, frozen=True, kw_only=True):
    """A model on a provider: `upstream_model` is the name there, `spec` the facts that requests must keep to.

    One that `translates` gets requests to another model's contract in its own terms. An `unchecked` target takes
    whatever comes. The spec's shutdown date holds for a `dated` one; elsewhere the model lives as long as its host
    lets it.
    """

    provider_name: str
    provider: ImageProvider
    upstream_model: str
    spec: ModelSpec
    unchecked: bool = False
    dated: bool = True
    translates: bool = False
    free: bool = False
    priority: int = 1
    weight: int = 1
    limits: TargetLimits = TargetLimits()
    breaker: BreakerRules = BreakerRules()

    @property
    def label(self) -> str:
        """`provider/upstream model`, fit for an HTTP header."""
        return _label(self.provider_name, self.upstream_model)

    def violations(self, request: ImageRequest) -> tuple[Violation, ...]:
        return () if self.unchecked else violations(request, self.spec)

    async def create(self, request: ImageRequest, store: Store | None = None) -> ImageResult:
        """Check *request* against the spec, then have it drawn, into *store* where the provider can.

        Raises `UnsupportedError` before anything is sent.
        """
        found = self.violations(request)
        if found:
            raise UnsupportedError(model=request.model, violations=found)
        return await self._drawn(request, store)

    async def _drawn(self, request: ImageRequest, store: Store | None) -> ImageResult:
        provider = self.provider
        if store is not None and _stores(type(provider)):
            return await cast("StoringImageProvider", provider).create_in(self.upstream_model, request, store)
        return await provider.create(self.upstream_model, request)

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


@lru_cache(maxsize=1024)
def _label(provider_name: str, upstream_model: str) -> str:
    return quote(f"{provider_name}/{upstream_model}", safe="/._-:@+ ")


@lru_cache(maxsize=64)
def _stores(provider: type[ImageProvider]) -> bool:
    return issubclass(provider, StoringImageProvider)  # slow, as checks against protocols are


async def _each(events: Iterable[ImageEvent]) -> AsyncGenerator[ImageEvent, None]:
    for event in events:
        yield event


class Model(Struct, frozen=True, kw_only=True):
    """What callers name: the contract that they are checked against, and targets, preferred ones first.

    The targets of a model with `validation` off must be `unchecked`. With `lifecycle` enforce a target refuses from its
    spec's shutdown date on, wherever it is hosted.
    """

    name: str
    contract: ModelSpec
    targets: tuple[Target, ...]
    validation: Validation = "strict"
    lifecycle: LifecycleMode = "warn"
    retry: RetryRules = RetryRules()

    def standing(self, today: date) -> tuple[Target, ...]:
        """The targets that still serve on the day *today*."""
        if self.lifecycle == "warn":
            return self.targets
        return tuple(target for target in self.targets if not has_ended(target.spec.lifecycle, today))


class Passage(Struct, frozen=True, kw_only=True):
    """A target for a request, and the request as that target takes it.

    `rules` names what was changed; `translation` says what is left to do with the answer. A `checked` request keeps to
    the target's spec: whoever makes the passage has looked.
    """

    target: Target
    request: ImageRequest
    rules: tuple[str, ...] = ()
    translation: Translation | None = None
    checked: bool = False

    async def create(self, store: Store | None = None) -> ImageResult:
        """Like the target's `create`, which checks what isn't checked yet."""
        if not self.checked:
            return await self.target.create(self.request, store)
        return await self.target._drawn(self.request, store)  # noqa: SLF001  # nobody else may leave out the check


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

    def only(self, names: Collection[str]) -> "Registry":
        """The same models, of those that *names* has."""
        return Registry((model for name, model in self._models.items() if name in names), today=self._today)

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

    def route(self, asked: ImageRequest) -> tuple[Passage, ...]:
        """The ways of what a caller *asked* to the targets that can serve it, in order.

        Raises `UnknownModelError`, or `UnsupportedError` where the contract or every target refuses or has ended; the
        latter tells which other models here would accept the request.
        """
        model = self.model(asked.model)
        today = self._today()
        standing = model.standing(today)
        if model.validation == "off" and standing:
            return tuple(Passage(target=target, request=asked) for target in standing)
        request, dropped = forgiven(asked, model.contract) if model.validation == "tolerant" else (asked, ())
        found = () if model.validation == "off" else violations(request, model.contract)
        if not standing:
            found = (shutdown_violation(model.name, model.targets[0].spec), *found)
        if not found:
            passages, found = _passages(request, dropped, model.contract, standing)
            if passages:
                return passages
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


def _passages(
    request: ImageRequest, dropped: tuple[str, ...], contract: ModelSpec, targets: Iterable[Target]
) -> tuple[tuple[Passage, ...], tuple[Violation, ...]]:
    """The passages that there are, and what the first target has against *request* where there are none."""
    passages: list[Passage] = []
    refusals: list[tuple[Violation, ...]] = []
    for target in targets:
        try:
            passages.append(_passage(request, dropped, contract, target))
        except UnsupportedError as error:
            refusals.append(error.violations)
    return tuple(passages), () if passages else refusals[0]


def _passage(request: ImageRequest, dropped: tuple[str, ...], contract: ModelSpec, target: Target) -> Passage:
    if target.translates:
        translation = translated(request, contract, target.spec)
        return Passage(
            target=target,
            request=translation.request,
            rules=(*dropped, *translation.rules),
            translation=translation,
            checked=True,
        )
    found = () if target.spec is contract else target.violations(request)  # the contract's own are known to be none
    if found:
        raise UnsupportedError(model=request.model, violations=found)
    return Passage(target=target, request=request, rules=dropped, checked=True)
