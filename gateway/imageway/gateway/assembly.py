"""Settings to a registry: providers built, names matched with catalogue rows, every problem told at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from importlib.resources.abc import Traversable
from itertools import chain

from msgspec.structs import replace

from imageway.contract.document import Issue
from imageway.contract.spec import ModelSpec
from imageway.contract.validation import Validation
from imageway.gateway.access.faults import key_faults, token_faults
from imageway.gateway.media.configured import configured_store, media_faults
from imageway.gateway.media.need import needs_media
from imageway.gateway.media.store import MediaStore
from imageway.gateway.outside import built_provider, fault_issue, store_faults, trace_faults
from imageway.gateway.settings import (
    ModelSettings,
    ProviderSettings,
    Settings,
    SettingsError,
    TargetSettings,
    is_loopback,
)
from imageway.providers.catalogue import CatalogueError, find, load_catalogue
from imageway.providers.protocol import ImageProvider
from imageway.providers.registry import Model, Registry, Target, utc_today
from imageway.providers.traffic_rules import BreakerRules, RetryRules, TargetLimits
from imageway.providers.translation import coverage

__all__ = ("Assembly", "assemble")


class Assembly:
    """A registry and the providers behind it, which whoever assembled them must close; and `media` where configured."""

    def __init__(
        self, registry: Registry, providers: Mapping[str, ImageProvider], media: MediaStore | None = None
    ) -> None:
        self.registry = registry
        self.providers = providers
        self.media = media

    async def aclose(self) -> None:
        for provider in self.providers.values():
            await provider.aclose()


def assemble(settings: Settings, *, today: Callable[[], date] = utc_today) -> Assembly:
    """Build what *settings* describe; nothing is connected yet. Raises `SettingsError` with every problem."""
    return _Assembler(settings, today).assemble()


class _Assembler:
    def __init__(self, settings: Settings, today: Callable[[], date]) -> None:
        self._settings = settings
        self._today = today
        self._issues: list[Issue] = []
        self._catalogue: Mapping[str, ModelSpec] = {}
        self._configured = {provider.name: provider for provider in settings.providers}
        self._built: dict[str, ImageProvider] = {}

    def assemble(self) -> Assembly:
        try:
            self._catalogue = load_catalogue(self._settings.catalogue_overlays, of_plugins=self._rows_of_plugins())
        except CatalogueError as error:
            self._fault(("catalogue",), "catalogue", str(error))
        self._check_exposure()
        for provider in self._settings.providers:
            self._build(provider)
        models = [*self._models()]
        default = self._settings.default_model
        if default is not None and default not in {model.name for model in models}:
            self._fault(("default_model",), "unknown-model", f"default_model is '{default}', which is no model here")
        names = {model.name for model in models}
        settings = self._settings
        found = (key_faults(settings, names), token_faults(settings), store_faults(settings), trace_faults(settings))
        for fault in chain.from_iterable(found):
            self._fault(*fault)
        media = self._media()
        if self._issues:
            raise SettingsError(tuple(self._issues))
        return Assembly(Registry(models, today=self._today), self._built, media)

    def _rows_of_plugins(self) -> Sequence[Traversable]:
        files = (provider.plugin.catalogue for provider in self._settings.providers)
        # Two providers of one type, or two types of one package, have one file between them.
        return [*{str(file): file for file in files if file is not None}.values()]

    def _check_exposure(self) -> None:
        server = self._settings.server
        if not is_loopback(server.host) and not server.allow_unauthenticated and not self._settings.keys:
            self._fault(
                ("server", "host"),
                "open-server",
                f"'{server.host}' can be reached from other machines and there are no keys: whoever reaches it spends"
                " your money. Configure keys, listen on 127.0.0.1, or say server.allow_unauthenticated: true",
            )

    def _media(self) -> MediaStore | None:
        settings = self._settings.media
        if settings is None:
            return None
        faults = [*media_faults(settings)]
        for key, message in faults:
            self._fault(("media", key), "media", message)
        return None if faults else configured_store(settings)

    def _build(self, provider: ProviderSettings) -> None:
        if provider.name in self._built:
            place = ("providers", provider.position, "name")
            self._fault(place, "duplicate", f"there are two providers called '{provider.name}'")
            return
        built = built_provider(provider)
        if isinstance(built, tuple):
            self._fault(*built)
        else:
            self._built[provider.name] = built

    def _models(self) -> Iterator[Model]:
        if self._settings.models is None:
            yield from self._catalogue_models()
            return
        names: set[str] = set()
        for position, settings in enumerate(self._settings.models):
            place = ("models", position)
            if settings.name in names:
                self._fault((*place, "name"), "duplicate", f"there are two models called '{settings.name}'")
            names.add(settings.name)
            model = self._model(place, settings)
            if model is not None:
                yield model

    def _catalogue_models(self) -> Iterator[Model]:
        served: dict[str, Model] = {}
        refused: dict[str, Model] = {}
        for provider in self._settings.providers:
            if provider.name not in self._built:
                continue
            for row in sorted(self._catalogue.values(), key=lambda row: row.kind != "openai"):
                if provider.plugin.kind not in (None, row.kind):
                    continue
                name = row.model if provider.plugin.kind or row.kind == "openai" else row.name
                target = self._target(provider, row.model, row)
                if target.spec.operations:
                    served.setdefault(name, Model(name=name, contract=row, targets=(target,)))
                else:
                    # Kept, so that a caller reads why. Its contract tells that it would take nothing.
                    refused.setdefault(name, Model(name=name, contract=target.spec, targets=(target,)))
        yield from served.values()
        yield from (model for name, model in refused.items() if name not in served)

    def _model(self, place: tuple[str | int, ...], settings: ModelSettings) -> Model | None:
        if not settings.targets:
            self._fault((*place, "targets"), "no-targets", f"model '{settings.name}' has no targets")
            return None
        validation = self._validation(place, settings)
        self._check_breaker((*place, "breaker"), settings.breaker)
        contract = self._contract(place, settings)
        targets: list[Target] = []
        for position, target in enumerate(settings.targets):
            provider = self._configured.get(target.provider)
            if provider is None:
                self._fault(
                    (*place, "targets", position, "provider"),
                    "unknown-provider",
                    f"there is no provider '{target.provider}'; there are: {', '.join(self._configured) or 'none'}",
                )
                continue
            if target.breaker is not None:
                self._check_breaker((*place, "targets", position, "breaker"), target.breaker)
            spec = self._spec_of((*place, "targets", position), target, provider, contract)
            if spec is not None and target.provider in self._built:
                built = self._target(provider, target.model, spec)
                dated = built.dated or settings.lifecycle is not None
                translates = target.translate and validation != "off"
                built = replace(
                    built,
                    unchecked=validation == "off",
                    dated=dated,
                    translates=translates,
                    priority=target.priority or position + 1,
                    weight=target.weight,
                    limits=TargetLimits(
                        max_in_flight=target.max_in_flight,
                        requests_per_minute=target.requests_per_minute,
                        images_per_minute=target.images_per_minute,
                    ),
                    breaker=target.breaker or settings.breaker,
                )
                self._check_use((*place, "targets", position), spec, contract, built)
                targets.append(built)
        if contract is None or not targets:
            return None
        self._check_links(place, settings, contract, targets)
        return Model(
            name=settings.name,
            contract=contract,
            targets=tuple(sorted(targets, key=lambda target: target.priority)),
            validation=validation,
            lifecycle=settings.lifecycle or "warn",
            retry=RetryRules(
                retries=settings.retries, wait_s=settings.retry_wait_s, may_pay_twice=settings.may_pay_twice
            ),
        )

    def _check_breaker(self, place: tuple[str | int, ...], rules: BreakerRules) -> None:
        if rules.longest_open_s < rules.open_s:
            self._fault(
                (*place, "longest_open_s"),
                "breaker",
                f"longest_open_s is {rules.longest_open_s:g}, which is less than open_s, {rules.open_s:g}",
            )

    def _check_use(
        self, place: tuple[str | int, ...], row: ModelSpec, contract: ModelSpec | None, target: Target
    ) -> None:
        """Tell of a target that is good for nothing: none of its *row* is left, or *contract* can't be had from it."""
        if contract == row and all(operation.asynchronous for operation in row.operations.values()):
            return  # no configuration could serve it; its callers are told so
        if not target.spec.operations:
            reasons = dict.fromkeys(target.spec.reason_without(operation) for operation in row.operations)
            self._fault(
                place,
                "nothing-served",
                f"provider '{target.provider_name}' can do nothing with {row.name}: {'; '.join(reasons)}",
            )
            return
        if contract is None or target.unchecked:
            return
        covered = coverage(contract, target.spec, translate=target.translates)
        if not covered.serves_any:
            missing = " ".join(f"{operation}: {reason}" for operation, reason in covered.reasons.items())
            hint = "" if target.translates else " translate: true may help."
            self._fault(
                place, "useless-target", f"{target.spec.name} can serve nothing of {contract.name}. {missing}{hint}"
            )

    def _check_links(
        self, place: tuple[str | int, ...], settings: ModelSettings, contract: ModelSpec, targets: list[Target]
    ) -> None:
        translating = [target.spec for target in targets if target.translates]
        loopback = is_loopback(self._settings.server.host)
        if self._settings.media is None and needs_media(contract, translating, loopback=loopback):
            self._fault(
                (*place, "name"),
                "no-media",
                f"'{settings.name}' promises links to pictures, which this gateway must keep: say where, under media:",
            )

    def _validation(self, place: tuple[str | int, ...], settings: ModelSettings) -> Validation:
        if isinstance(settings.validation, str):
            return settings.validation
        if settings.validation:
            self._fault(
                (*place, "validation"), "validation", "validation is one of strict, tolerant and off, but it is true"
            )
        return "off"

    def _target(self, provider: ProviderSettings, upstream_model: str, spec: ModelSpec) -> Target:
        return Target(
            provider_name=provider.name,
            provider=self._built[provider.name],
            upstream_model=upstream_model,
            spec=provider.plugin.narrow(provider.config, spec),
            dated=provider.plugin.is_vendor_host(provider.config),
            free=provider.plugin.free,
        )

    def _contract(self, place: tuple[str | int, ...], settings: ModelSettings) -> ModelSpec | None:
        if settings.contract is not None:
            return self._row((*place, "contract"), settings.contract)
        first = settings.targets[0]
        if first.spec is not None:
            return self._row((*place, "targets", 0, "spec"), first.spec)
        provider = self._configured.get(first.provider)
        kind = (provider.plugin.kind if provider else None) or "openai"
        row = find(self._catalogue, kind, settings.name) or find(self._catalogue, kind, first.model)
        if row is None:
            self._fault(
                (*place, "name"),
                "no-contract",
                f"neither '{settings.name}' nor '{first.model}' is a catalogue model of kind '{kind}';"
                " say which one callers are checked against: contract: KIND/MODEL",
            )
        return row

    def _spec_of(
        self,
        place: tuple[str | int, ...],
        target: TargetSettings,
        provider: ProviderSettings,
        contract: ModelSpec | None,
    ) -> ModelSpec | None:
        if target.spec is not None:
            return self._row((*place, "spec"), target.spec)
        kind = provider.plugin.kind
        if kind is None:
            return contract
        row = find(self._catalogue, kind, target.model)
        if row is None and contract is not None and contract.kind == kind:
            return contract
        if row is None:
            self._fault(
                (*place, "model"),
                "no-spec",
                f"'{target.model}' is no catalogue model of kind '{kind}'; say which one it is: spec: {kind}/MODEL",
            )
        return row

    def _row(self, place: tuple[str | int, ...], name: str) -> ModelSpec | None:
        kind, _, model = name.partition("/")
        row = find(self._catalogue, kind, model)
        if row is None and self._catalogue:
            known = ", ".join(self._catalogue)
            self._fault(place, "unknown-spec", f"there is no catalogue row '{name}'; there are: {known}")
        return row

    def _fault(self, place: tuple[str | int, ...], code: str, message: str) -> None:
        self._issues.append(fault_issue(self._settings, (place, code, message)))
