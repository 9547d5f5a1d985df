"""Clients of a gateway: `AsyncClient`, and `Client` for code without an event loop."""

# `typing.override` comes with Python 3.12.
# mypy: disable-error-code="explicit-override"

import asyncio
import difflib
import os
import threading
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

import msgspec

from imageway.contract.cards import ModelCard, read_cards
from imageway.contract.check import accepting, hinted
from imageway.contract.errors import ErrorCode, ImageError, UnknownModelError, UnsupportedError
from imageway.contract.request import ImageRequest, JsonValue, Operation
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.contract.spec import ModelSpec
from imageway.contract.validation import Validation, violations_under
from imageway.contract.version import __version__
from imageway.contract.wire import form_fields, read_error
from imageway.contract.wire_result import read_result
from imageway.sdk._http import Answer, AsgiApp, FormPart, Http, same_origin
from imageway.sdk._model_calls import AsyncModelCalls, ModelCalls
from imageway.sdk.foresight import Foresight, read_foresight
from imageway.sdk.pictures import Picture, elsewhere, loaded_picture, picture_bytes
from imageway.sdk.pipeline.pictures.media import MAX_PICTURE_BYTES, is_data_url
from imageway.sdk.results import Drawing, drawing_of

__all__ = ("AsyncClient", "Client", "Picture", "picture_bytes")

T = TypeVar("T")

_EMBEDDED_URL = "http://imageway.embedded"
_ROUTES = {Operation.GENERATE: "generations", Operation.EDIT: "edits", Operation.VARIATION: "variations"}
_MAX_ANSWER_BYTES = 1024**3
_MAX_LIST_BYTES = 64 * 1024**2


class AsyncClient(AsyncModelCalls):
    """A gateway, from which pictures are asked.

    The gateway is *gateway_url*, else what IMAGEWAY_GATEWAY_URL names, with or without `/v1` at its end; its key is
    *api_key*, else IMAGEWAY_API_KEY. With *app* the calls go into that ASGI application instead of the network.
    *timeout_s* is how long the gateway is told that an answer may take, and how long it may be silent. Raises
    `ValueError` for a URL or key that can't be one.

    Every request is checked against its model's spec before it is sent, as strictly as the gateway says it does, and is
    sent once: nothing is retried here. A gateway that keeps answers refuses to repeat a call whose end is unknown
    (`outcome_unknown`), until a client with *retry_unknown* asks, which may pay for it again.
    """

    def __init__(
        self,
        gateway_url: str | None = None,
        *,
        api_key: str | None = None,
        timeout_s: float = 600.0,
        app: AsgiApp | None = None,
        retry_unknown: bool = False,
    ) -> None:
        url = _EMBEDDED_URL if app is not None else gateway_url or os.environ.get("IMAGEWAY_GATEWAY_URL", "")
        self._url = _base_url(url)
        headers = {"user-agent": f"imageway/{__version__}", "imageway-timeout-s": f"{timeout_s:g}"}
        key = api_key if api_key is not None else os.environ.get("IMAGEWAY_API_KEY", "")
        if key.strip():
            headers["authorization"] = f"Bearer {_checked_key(key.strip())}"
        if retry_unknown:
            headers["imageway-retry-unknown"] = "true"
        self._http = Http(self._url, headers=headers, read_timeout_s=timeout_s, app=app)
        self._cards: dict[str, ModelCard] | None = None
        self._fetching = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _generate(self, prompt: str, model: str, params: dict[str, JsonValue]) -> Drawing:
        return await self._drawing(
            ImageRequest(operation=Operation.GENERATE, model=model, params={"prompt": prompt, **params})
        )

    async def _edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        model: str,
        mask: Picture | None,
        params: dict[str, JsonValue],
    ) -> Drawing:
        several = [images] if isinstance(images, (bytes, Path, str)) else [*images]
        return await self._drawing(
            ImageRequest(
                operation=Operation.EDIT,
                model=model,
                params={"prompt": prompt, **params},
                images=tuple([await asyncio.to_thread(loaded_picture, image) for image in several]),
                mask=None if mask is None else await asyncio.to_thread(loaded_picture, mask),
            )
        )

    async def _drawing(self, request: ImageRequest) -> Drawing:
        result = await self.create(request)
        return drawing_of(result, [await self._content(image) for image in result.images])

    async def _content(self, image: GeneratedImage) -> bytes | None:
        """The picture's bytes; None for a link that can't be followed now, which its holder may follow later."""
        link = image.url
        if not isinstance(link, str) or is_data_url(link):
            return await asyncio.to_thread(picture_bytes, image)
        try:
            return await self.picture_bytes(image)
        except ImageError:
            return None

    async def create(self, request: ImageRequest) -> ImageResult:
        """Check *request*, then send it. Raises `ImageError`."""
        await self.check(request)
        return await self.send(request)

    async def models(self) -> Mapping[str, ModelSpec]:
        """The specs of the gateway's models by name; asked for once."""
        return {name: card.spec for name, card in (await self._known()).items()}

    async def validations(self) -> Mapping[str, Validation]:
        """How strictly the gateway checks each of its models, by name; asked for together with the specs."""
        return {name: card.validation for name, card in (await self._known()).items()}

    async def cards(self) -> Mapping[str, ModelCard]:
        """Everything that the gateway tells of its models, by name; asked for once."""
        return await self._known()

    async def _known(self) -> Mapping[str, ModelCard]:
        async with self._fetching:
            if self._cards is None:
                answer = await self._http.get(f"{self._url}/v1/models", max_bytes=_MAX_LIST_BYTES)
                self._cards = read_cards(_checked(answer))
            return self._cards

    async def check(self, request: ImageRequest) -> None:
        """Raise `UnsupportedError` for what is beyond the model, `UnknownModelError` for one that isn't there.

        Of a gateway that publishes no specs nothing is known, and everything passes.
        """
        cards = await self._known()
        if not cards:
            return
        card = cards.get(request.model)
        if card is None:
            closest = next(iter(difflib.get_close_matches(request.model, cards, n=1)), None)
            raise UnknownModelError(model=request.model, known=cards, closest=closest)
        found = violations_under(card.validation, request, card.spec)
        if found:
            specs = {name: card.spec for name, card in cards.items()}
            raise UnsupportedError(
                model=request.model, violations=hinted(request, found, specs), accepted_by=accepting(request, specs)
            )

    async def send(self, request: ImageRequest, *, idempotency_key: str | None = None) -> ImageResult:
        """Send *request* as it is, unchecked. Raises `ImageError`; `may_have_billed` tells of a doubtful end.

        *idempotency_key* names the call, so that a gateway that keeps answers gives out the first one again.
        """
        if request.params.get("stream"):
            raise ImageError(
                ErrorCode.INVALID_REQUEST,
                "This client takes whole answers, no streams: leave 'stream' out.",
                param="stream",
            )
        headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        answer = await self._posted(request, "", headers)
        body = _checked(answer, model=request.model)
        told = {name: value for name, value in answer.headers.items() if name.startswith("imageway-")}
        request_id = answer.headers.get("x-request-id")
        return read_result(body, upstream_request_id=request_id, headers=told, looked_over=False)

    async def foresee(self, request: ImageRequest) -> Foresight:
        """What would become of *request*, by the gateway's word; nothing is drawn. Raises `ImageError`.

        A gateway that publishes no specs isn't asked: it may not know of dry runs, and draw.
        """
        if not await self._known():
            raise ImageError(
                ErrorCode.NOT_FOUND, "This gateway publishes no specs, so it can't be asked for a dry run."
            )
        return read_foresight(_checked(await self._posted(request, "?dry_run=true", {}), model=request.model))

    async def _posted(self, request: ImageRequest, query: str, headers: dict[str, str]) -> Answer:
        url = f"{self._url}/v1/images/{_ROUTES[request.operation]}{query}"
        if request.operation is Operation.GENERATE:
            fields = _json_body({**request.params, "model": request.model})
            return await self._http.post_json(url, fields, headers=headers, max_bytes=_MAX_ANSWER_BYTES)
        return await self._http.post_form(url, _form(request), headers=headers, max_bytes=_MAX_ANSWER_BYTES)

    async def picture_bytes(self, image: GeneratedImage) -> bytes:
        """The bytes of *image*, fetched where it came as a link into the gateway. Raises `ImageError`.

        Links to other places aren't followed, and no picture may be larger than 64 MiB.
        """
        link = image.url
        if not isinstance(link, str) or is_data_url(link):
            return await asyncio.to_thread(picture_bytes, image)
        if not same_origin(link, self._url):
            raise elsewhere(link)
        return _checked(await self._http.get(link, max_bytes=MAX_PICTURE_BYTES))


class Client(ModelCalls):
    """`AsyncClient` for code without an event loop; it runs one in a thread of its own, so notebooks may use it too."""

    def __init__(self, gateway_url: str | None = None, *, api_key: str | None = None, timeout_s: float = 600.0) -> None:
        self._client = AsyncClient(gateway_url, api_key=api_key, timeout_s=timeout_s)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="imageway-client", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._loop.is_closed():
            return
        self._wait(self._client.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _generate(self, prompt: str, model: str, params: dict[str, JsonValue]) -> Drawing:
        return self._wait(self._client.generate(prompt, model=model, **params))

    def _edit(
        self,
        images: Picture | Sequence[Picture],
        prompt: str,
        model: str,
        mask: Picture | None,
        params: dict[str, JsonValue],
    ) -> Drawing:
        return self._wait(self._client.edit(images, prompt, model=model, mask=mask, **params))

    def create(self, request: ImageRequest) -> ImageResult:
        """See `AsyncClient.create`."""
        return self._wait(self._client.create(request))

    def models(self) -> Mapping[str, ModelSpec]:
        """See `AsyncClient.models`."""
        return self._wait(self._client.models())

    def validations(self) -> Mapping[str, Validation]:
        """See `AsyncClient.validations`."""
        return self._wait(self._client.validations())

    def foresee(self, request: ImageRequest) -> Foresight:
        """See `AsyncClient.foresee`."""
        return self._wait(self._client.foresee(request))

    def picture_bytes(self, image: GeneratedImage) -> bytes:
        """See `AsyncClient.picture_bytes`."""
        return self._wait(self._client.picture_bytes(image))

    def _wait(self, call: Coroutine[Any, Any, T]) -> T:
        if self._loop.is_closed():
            call.close()
            raise RuntimeError("this client is closed")
        future = asyncio.run_coroutine_threadsafe(call, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


def _json_body(fields: dict[str, JsonValue]) -> bytes:
    try:
        return msgspec.json.encode(fields)
    except UnicodeEncodeError as error:
        raise ImageError(
            ErrorCode.INVALID_REQUEST, "The request holds half of a surrogate pair, which is no valid text."
        ) from error


def _form(request: ImageRequest) -> Iterable[FormPart]:
    fields = [("model", request.model), *form_fields(request.params)]
    try:
        texts = [FormPart(name, text.encode()) for name, text in fields]
    except UnicodeEncodeError as error:
        raise ImageError(
            ErrorCode.INVALID_REQUEST, "The request holds half of a surrogate pair, which is no valid text."
        ) from error
    name = "image[]" if len(request.images) > 1 else "image"
    files = [(name, f"image_{position}", image) for position, image in enumerate(request.images, start=1)]
    files += [(other, other, file) for other in ("mask", "markup") if (file := getattr(request, other)) is not None]
    return [
        *texts,
        *(
            FormPart(name, file.content, f"{stem}.{file.facts.format.extension}", file.facts.format.media_type)
            for name, stem, file in files
        ),
    ]


def _checked(answer: Answer, *, model: str = "") -> bytes:
    if answer.status != 200:
        raise read_error(answer.status, answer.headers, answer.body, model=model)
    return answer.body


def _base_url(url: str) -> str:
    if not url.strip():
        raise ValueError("no gateway named: give its URL, or set IMAGEWAY_GATEWAY_URL")
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("the gateway's URL must look like http://host:8080 or https://host/path")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/").removesuffix("/v1"), "", ""))


def _checked_key(key: str) -> str:
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError("the gateway's key holds characters that no key has; is IMAGEWAY_API_KEY cut or misquoted?")
    return key
