"""The SDK: a client for image gateways, and pipelines that draw a picture per record.

Everything is imported when it is first asked for, so that `import imageway.sdk` costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imageway.contract.errors import ErrorCode, ImageError, UnknownModelError, UnsupportedError
    from imageway.contract.request import ImageInput, ImageRequest, Operation
    from imageway.contract.result import GeneratedImage, ImageResult
    from imageway.contract.version import __version__
    from imageway.sdk.client import AsyncClient, Client
    from imageway.sdk.errors import ConfigError, GatewayUnreachableError
    from imageway.sdk.pictures import picture_bytes
    from imageway.sdk.pipelines import Gateway, Pipeline, RunOptions
    from imageway.sdk.results import Drawing, DrawnImage
    from imageway.sdk.runs import Run

__all__ = (
    "AsyncClient",
    "Client",
    "ConfigError",
    "Drawing",
    "DrawnImage",
    "ErrorCode",
    "Gateway",
    "GatewayUnreachableError",
    "GeneratedImage",
    "ImageError",
    "ImageInput",
    "ImageRequest",
    "ImageResult",
    "Operation",
    "Pipeline",
    "Run",
    "RunOptions",
    "UnknownModelError",
    "UnsupportedError",
    "__version__",
    "picture_bytes",
)

_HOMES = {
    "AsyncClient": "imageway.sdk.client",
    "Client": "imageway.sdk.client",
    "ConfigError": "imageway.sdk.errors",
    "Drawing": "imageway.sdk.results",
    "DrawnImage": "imageway.sdk.results",
    "ErrorCode": "imageway.contract.errors",
    "Gateway": "imageway.sdk.pipelines",
    "GatewayUnreachableError": "imageway.sdk.errors",
    "GeneratedImage": "imageway.contract.result",
    "ImageError": "imageway.contract.errors",
    "ImageInput": "imageway.contract.request",
    "ImageRequest": "imageway.contract.request",
    "ImageResult": "imageway.contract.result",
    "Operation": "imageway.contract.request",
    "Pipeline": "imageway.sdk.pipelines",
    "Run": "imageway.sdk.runs",
    "RunOptions": "imageway.sdk.pipelines",
    "UnknownModelError": "imageway.contract.errors",
    "UnsupportedError": "imageway.contract.errors",
    "__version__": "imageway.contract.version",
    "picture_bytes": "imageway.sdk.pictures",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
