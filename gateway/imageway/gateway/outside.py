"""What a configuration names outside itself: secrets, libraries, places for state. Checked even where other parts are
wrong, so that every problem is told at once.
"""

from collections.abc import Callable, Iterator
from importlib import import_module

from imageway.contract.document import Issue, issue_at
from imageway.gateway.access.faults import Fault
from imageway.gateway.access.opening import budgets_place, limits_place
from imageway.gateway.ledger.opening import check_store
from imageway.gateway.ledger.protocol import LedgerError
from imageway.gateway.media.configured import media_faults
from imageway.gateway.settings import ProviderSettings, Settings, SettingsError
from imageway.gateway.stores.place import StoreError
from imageway.providers.discovery import missing_extra
from imageway.providers.protocol import ImageProvider

__all__ = ("built_provider", "every_issue", "fault_issue", "outside_faults", "store_faults", "trace_faults")


def every_issue(error: SettingsError) -> tuple[Issue, ...]:
    """The issues of *error*, and those of the parts of the configuration that could be read all the same."""
    if error.readable is None:
        return error.issues
    return (*error.issues, *(fault_issue(error.readable, fault) for fault in outside_faults(error.readable)))


def fault_issue(settings: Settings, fault: Fault) -> Issue:
    place, code, message = fault
    if settings.document is None:
        return Issue(severity="error", code=code, message=message)
    return issue_at(settings.document, place, code, message)


def outside_faults(settings: Settings) -> Iterator[Fault]:
    """Of every provider, store and secret in *settings*."""
    for provider in settings.providers:
        built = built_provider(provider)
        if isinstance(built, tuple):
            yield built
    yield from store_faults(settings)
    yield from trace_faults(settings)
    if settings.media is not None:
        yield from ((("media", key), "media", message) for key, message in media_faults(settings.media))


def built_provider(provider: ProviderSettings) -> ImageProvider | Fault:
    """The provider, which has connected to nothing yet, or what is wrong with it."""
    place = ("providers", provider.position)
    try:
        built: ImageProvider = provider.plugin.build(provider.config)
    except ImportError as error:
        return place, "missing-extra", str(missing_extra(provider.type, provider.plugin, error))
    except ValueError as error:
        return place, "provider", f"provider '{provider.name}': {error}"
    return built


def store_faults(settings: Settings) -> Iterator[Fault]:
    """Of the places that state is to be kept in, as far as they show without opening them."""
    checks: dict[str, Callable[[], object]] = {"limits": lambda: limits_place(settings.limits)}
    if (budgets := settings.budgets) is not None:
        checks["budgets"] = lambda: budgets_place(budgets, settings.base_dir)
    if (ledger := settings.ledger) is not None:
        checks["ledger"] = lambda: check_store(ledger)
    for section, check in checks.items():
        try:
            check()
        except (LedgerError, StoreError) as error:
            yield ((section, "store"), section, str(error))


def trace_faults(settings: Settings) -> Iterator[Fault]:
    """Of the library that traces need."""
    if settings.traces is None:
        return
    try:
        import_module("imageway.gateway.telemetry.traces")
    except ImportError as error:
        yield (("traces",), "missing-extra", f"traces need the extra 'otel': pip install 'imageway[otel]' ({error})")
