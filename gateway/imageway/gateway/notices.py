"""What a start-up has to tell the log of its models: which aren't checked."""

from structlog.typing import FilteringBoundLogger

from imageway.providers.registry import Registry

__all__ = ("log_notices",)


def log_notices(log: FilteringBoundLogger, registry: Registry) -> None:
    """One warning for each model whose requests go out unchecked."""
    for name, validation in registry.validations.items():
        if validation == "off":
            log.warning("model.unchecked", model=name)
