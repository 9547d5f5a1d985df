"""What a provider is, and what an entry point in `imageway.providers` names."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from importlib.resources.abc import Traversable
from typing import Generic, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from imageway.contract.content import Store
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.contract.spec import ModelSpec
from imageway.contract.stream import ImageEvent

__all__ = ("ImageProvider", "ProviderPlugin", "StoringImageProvider", "StreamingImageProvider")


class ImageProvider(Protocol):
    """A connection to one service. It translates; it holds no limits, retries or metrics."""

    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        """Have *request* drawn by the service's *upstream_model*.

        The request has been checked. Raises `ImageError` for whatever goes wrong at the service, and returns at least
        one picture otherwise.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections. Called once, when nothing is in flight."""
        ...


@runtime_checkable
class StreamingImageProvider(ImageProvider, Protocol):
    """A provider that shows pictures while they are drawn. Others are asked to `create`, and stream the end only."""

    def stream(
        self, upstream_model: str, request: ImageRequest
    ) -> AbstractAsyncContextManager[AsyncIterator[ImageEvent]]:
        """The events of a request whose `stream` is true.

        Entering waits until the service has taken the request on, and raises `ImageError` where it doesn't. The
        iterator ends after the completed picture, or raises `ImageError`. Leaving early hangs up.
        """
        ...


@runtime_checkable
class StoringImageProvider(ImageProvider, Protocol):
    """A provider that puts answers where it is told to. What others answer is in memory as they made it."""

    async def create_in(self, upstream_model: str, request: ImageRequest, store: Store) -> ImageResult:
        """Like `create`, with the answer in *store* as it came, and nowhere else as a whole."""
        ...


ConfigT = TypeVar("ConfigT", bound=Struct)


def _as_it_is(_config: Struct, spec: ModelSpec) -> ModelSpec:
    return spec


def _never(_config: Struct) -> bool:
    return False


class ProviderPlugin(Struct, Generic[ConfigT], frozen=True, kw_only=True):
    """How a provider type comes into being.

    `config_type` is a Struct with `forbid_unknown_fields=True`: the keys under `providers:` besides `name` and `type`.
    `kind` is the catalogue's flavour (`openai`, `azure`) in which model names are looked up, None for a provider that
    takes on any contract. `narrow` takes away what a spec allows and a provider of that
    configuration can't do: an operation goes from `operations` to `unsupported`, with the reason. `is_vendor_host`
    tells whether a configuration points at the vendor itself, whose lifecycle dates then hold, and not at a server
    that speaks the same. Both get configurations that `build` took.
    `build` gets the decoded configuration, opens nothing yet, and raises `ImportError` where a library is missing;
    `extra` names the extra of the distribution that brings it.
    What a `free` one draws costs nothing, whatever the row's price says.
    `catalogue` is a file of rows that come with the plugin; they may extend the built-in ones and replace none.
    """

    config_type: type[ConfigT]
    build: Callable[[ConfigT], ImageProvider]
    kind: str | None = None
    extra: str | None = None
    narrow: Callable[[ConfigT, ModelSpec], ModelSpec] = _as_it_is
    is_vendor_host: Callable[[ConfigT], bool] = _never
    catalogue: Traversable | None = None
    free: bool = False
