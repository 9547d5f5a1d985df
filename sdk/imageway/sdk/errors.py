"""Faults that only a client can meet; all others are the contract's.

ImageError
└── GatewayUnreachableError       the gateway couldn't be reached, and nothing was sent

ConfigError                       a task can't be run as it is

GatewaySetupError                 the gateway inside this process can't be opened
└── MissingGatewayError           because it isn't installed
"""

from collections.abc import Iterable

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.issue import Issue

__all__ = ("ConfigError", "GatewaySetupError", "GatewayUnreachableError", "MissingGatewayError")


class GatewayUnreachableError(ImageError):
    """No connection came about: nothing was sent, nothing can have been billed."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.UPSTREAM_UNAVAILABLE, message)


class GatewaySetupError(Exception):
    """What was asked of the gateway inside this process can't be had; `issues` names places in its configuration."""

    def __init__(self, message: str, issues: Iterable[Issue] = ()) -> None:
        super().__init__(message)
        self.issues = tuple(issues)


class MissingGatewayError(GatewaySetupError):
    """The gateway, or a library that it needs, isn't installed."""


class ConfigError(ValueError):
    """A task that can't be run as it is; `issues` holds every fault, with file, line and column where there is one."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join(issue.render() for issue in self.issues))
