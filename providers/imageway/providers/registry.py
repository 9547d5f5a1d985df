"""The registry: what callers may name, and which targets serve it.

The only road to a provider checks first, unless the configuration turns that off for a model.
"""

import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from urllib.parse import quote

from msgspec import Struct

from imageway.contract.check import accepting, hinted, violations
from imageway.contract.errors import UnknownModelError, UnsupportedError, Violation
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.contract.spec import ModelSpec
from imageway.contract.validation import Validation, forgiven
from imageway.providers.protocol import ImageProvider

__all__ = ("Model", "Registry", "Route", "Target")


class Target(Struct, frozen=True, kw_only=True):
    """A model on a provider: `upstream_model` is the name there, `spec` the facts that requests must keep to.

    An `unchecked` target takes whatever comes.
    """

    provider_name: str
    provider: ImageProvider
    upstream_model: str
    spec: ModelSpec
    unchecked: bool = False

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


class Model(Struct, frozen=True, kw_only=True):
    """What callers name: the contract that they are checked against, and targets in order of preference.

    The targets of a model with `validation` off must be `unchecked`.
    """

    name: str
    contract: ModelSpec
    targets: tuple[Target, ...]
    validation: Validation = "strict"


class Route(Struct, frozen=True, kw_only=True):
    """Where a request may go: its targets in order, and the request as they take it.

    `translated` names the rules by which it was changed on the way.
    """

    request: ImageRequest
    targets: tuple[Target, ...]
    translated: tuple[str, ...] = ()


class Registry:
    """Every configured model; immutable, built once."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._models = {model.name: model for model in models}
        self.contracts: Mapping[str, ModelSpec] = MappingProxyType(
            {name: model.contract for name, model in self._models.items()}
        )
        self.validations: Mapping[str, Validation] = MappingProxyType(
            {name: model.validation for name, model in self._models.items()}
        )

    def model(self, name: str) -> Model:
        """The model called *name*; `UnknownModelError` names the closest one and all there are."""
        try:
            return self._models[name]
        except KeyError:
            closest = difflib.get_close_matches(name, self._models, n=1)
            raise UnknownModelError(model=name, known=self._models, closest=closest[0] if closest else None) from None

    def route(self, asked: ImageRequest) -> Route:
        """The way of what a caller *asked*, to the targets that can serve it.

        Raises `UnknownModelError`, or `UnsupportedError` where the contract or every target refuses; the latter tells
        which other models here would accept the request.
        """
        model = self.model(asked.model)
        if model.validation == "off":
            return Route(request=asked, targets=model.targets)
        tolerant = model.validation == "tolerant"
        request, translated = forgiven(asked, model.contract) if tolerant else (asked, ())
        found = violations(request, model.contract)
        able = tuple(target for target in model.targets if not target.violations(request)) if not found else ()
        if able:
            return Route(request=request, targets=able, translated=translated)
        found = found or model.targets[0].violations(request)
        others = {name: spec for name, spec in self.contracts.items() if name != request.model}
        raise UnsupportedError(
            model=request.model,
            violations=hinted(asked, found, others),
            accepted_by=accepting(asked, others),
        )
