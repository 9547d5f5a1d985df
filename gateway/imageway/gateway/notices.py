"""What a start-up has to tell the log of its models: which aren't checked, may be paid for twice, or end soon."""

from collections.abc import Iterator
from datetime import date, timedelta

from structlog.typing import FilteringBoundLogger

from imageway.providers.registry import Model, Registry, Target

__all__ = ("log_notices",)

_NOTICE = timedelta(days=90)


def log_notices(log: FilteringBoundLogger, registry: Registry, today: date) -> None:
    """Warn of each model that goes out unchecked or may be paid for twice, and of targets that end in 90 days."""
    for name, validation in registry.validations.items():
        if validation == "off":
            log.warning("model.unchecked", model=name)
    for model in registry.models:
        if model.retry.may_pay_twice:
            log.warning("model.may_pay_twice", model=model.name)
    for model, target in _ending(registry, today):
        lifecycle = target.spec.lifecycle
        log.warning(
            "model.lifecycle",
            model=model.name,
            target=target.label,
            shutdown_date=str(lifecycle.shutdown_date),
            successors=lifecycle.successors,
            lifecycle=model.lifecycle,
        )


def _ending(registry: Registry, today: date) -> Iterator[tuple[Model, Target]]:
    for model in registry.models:
        for target in model.targets:
            last = target.spec.lifecycle.shutdown_date
            if target.dated and last is not None and last <= today + _NOTICE:
                yield model, target
