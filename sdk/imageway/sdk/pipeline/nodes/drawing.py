"""One image call of a record: the request made and checked, its answer found or paid for, the pictures saved."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.cost import cost
from imageway.contract.errors import ErrorCode, ImageError, UnsupportedError
from imageway.contract.request import ImageRequest, JsonValue
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.contract.spec import ModelSpec
from imageway.sdk.errors import GatewayUnreachableError
from imageway.sdk.foresight import Foresight
from imageway.sdk.pipeline.events import RecordFault, Stopped
from imageway.sdk.pipeline.files.provenance import KeptPicture, answered_with, asked_of
from imageway.sdk.pipeline.graph import Graph
from imageway.sdk.pipeline.hands import Hands
from imageway.sdk.pipeline.journal.journal import CallSite, EarlierPictureError, Journal, JournalError, Standing
from imageway.sdk.pipeline.journal.stems import Stem
from imageway.sdk.pipeline.nodes.chat import Chats
from imageway.sdk.pipeline.nodes.render import request_of
from imageway.sdk.pipeline.nodes.saving import save_pictures
from imageway.sdk.pipeline.pictures.fixes import fixed
from imageway.sdk.pipeline.pictures.media import Places
from imageway.sdk.pipeline.plan import ImageNode, ImagePart, Plan
from imageway.sdk.pipeline.sending.sending import NotSentError, Sender
from imageway.sdk.pipeline.sending.sharing import SharedAnswers
from imageway.sdk.pipeline.template import MissingFieldError

__all__ = ("Call", "DrawingClient", "Drawn", "Halt", "Studio", "draw")

log = logging.getLogger(__name__)


class DrawingClient(Protocol):
    """What a run needs of `AsyncClient`."""

    async def models(self) -> Mapping[str, ModelSpec]: ...

    async def check(self, request: ImageRequest) -> None: ...

    async def foresee(self, request: ImageRequest) -> Foresight: ...

    async def send(self, request: ImageRequest, *, idempotency_key: str | None = None) -> ImageResult: ...

    async def picture_bytes(self, image: GeneratedImage) -> bytes: ...


class Studio(Struct, frozen=True, kw_only=True):
    """What all records of a run share. Pictures that records name are looked for in `places`, by
    threads of their own, `readers`, since a link may be slow; those that were drawn are written by `savers`.

    Calls that an earlier run has seen fail are sent
    again with `retry_failed`, and those that may have been paid for with `retry_unknown`. Equal
    requests have one answer where there is a store for what is `shared`. Lots are drawn by `seed`.
    """

    client: DrawingClient
    plan: Plan
    graph: Graph
    specs: Mapping[str, ModelSpec]
    picture_folder: Path
    places: Places
    readers: Executor
    savers: Hands
    journal: Journal
    sender: Sender
    chats: Chats
    retry_failed: bool = False
    retry_unknown: bool = False
    shared: SharedAnswers | None = None
    seed: int = 0


class Call(Struct, frozen=True, kw_only=True):
    """Which call it is: of which record, for which node, and the how manieth time, from 1, that node draws for it.

    The pictures are called `stem` and an index.
    """

    position: int
    record_id: str
    node: ImageNode
    stem: str
    draw: int = 1


class Halt(Struct, frozen=True, kw_only=True):
    """Why no other record should be begun: what befell this one would befall all."""

    cause: Stopped
    reason: str


class Drawn(Struct, frozen=True, kw_only=True):
    """What became of a call: the value for its output key, None where nothing was drawn.

    `pictures` were drawn now, `reused` by an earlier run of the same. `fault` may come beside pictures. With `halt` and
    without attempts nothing was sent.
    """

    answer: JsonValue = None
    pictures: int = 0
    reused: int = 0
    fault: RecordFault | None = None
    halt: Halt | None = None


async def draw(call: Call, state: Mapping[str, JsonValue], studio: Studio) -> Drawn:
    """Have *call* answered for *state*. Raises nothing but `CancelledError`."""
    return await _Drawing(call, studio).run(state)


class _UnsavedError(Exception):
    """A picture was drawn and can't be written."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(f"Can't write pictures to {folder}: {error.strerror or type(error).__name__}.")


class _SkippedError(Exception):
    """The request is beyond its model, and the task would rather do without."""

    def __init__(self, refusal: UnsupportedError) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class _Drawing:
    def __init__(self, call: Call, studio: Studio) -> None:
        self._call = call
        self._studio = studio
        self._key = ""
        self._answer: JsonValue = None
        self._pictures = 0
        self._reused = 0
        self._attempts = 0
        self._fixes: tuple[str, ...] = ()

    async def run(self, state: Mapping[str, JsonValue]) -> Drawn:
        try:
            return await self._run(state)
        except MissingFieldError as error:
            return self._end(self._fault("missing_field", str(error), param=error.field))
        except EarlierPictureError as error:
            return self._end(self._fault("earlier_picture", str(error)))
        except _SkippedError as error:
            return self._end(replace(self._refusal(error.refusal), code="skipped"))
        except ImageError as error:
            return self._end(self._refusal(error))
        except (JournalError, _UnsavedError) as error:
            fault = self._fault("storage", str(error), billed=self._attempts > 0)
            return self._end(fault, Halt(cause="storage", reason=str(error)))
        except Exception as error:
            kind = type(error).__name__
            log.exception("record %d, node %s: unexpected %s", self._call.position, self._call.node.name, kind)
            sentence = f"Something unexpected went wrong ({kind}); the log has its traceback."
            return self._end(self._fault(ErrorCode.INTERNAL, sentence, billed=self._attempts > 0))

    async def _run(self, state: Mapping[str, JsonValue]) -> Drawn:
        call, studio = self._call, self._studio
        loop = asyncio.get_running_loop()
        make = partial(request_of, call.node, state, places=studio.places, spec=studio.specs.get(call.node.model))
        # Only pictures are read from files; all else is done sooner than a thread is woken.
        has_pictures = any(isinstance(part, ImagePart) for part in call.node.parts)
        request = await loop.run_in_executor(studio.readers, make) if has_pictures else make()
        request = await self._admitted(request)
        found = await self._intended(request)
        if isinstance(found, Standing):
            self._answer = _value(found.paths, single=found.single)
            self._reused = len(found.paths)
            return self._end(self._again(found))
        try:
            return await self._send(request, found)
        except NotSentError as error:
            self._attempts = 0
            await asyncio.to_thread(studio.journal.unsend, self._key)
            return self._end(self._fault("not_sent", error.reason), Halt(cause=error.cause, reason=error.reason))
        except GatewayUnreachableError as error:
            self._attempts = 0
            await asyncio.to_thread(studio.journal.unsend, self._key)
            return self._end(self._refusal(error), Halt(cause="unreachable", reason=error.message))
        except ImageError as error:
            fault = self._refusal(error)
            if error.code is ErrorCode.UNAUTHENTICATED:
                await asyncio.to_thread(studio.journal.unsend, self._key)
                return self._end(fault, Halt(cause="unauthorised", reason=error.message))
            await asyncio.to_thread(studio.journal.fail, self._key, fault)
            return self._end(fault)

    async def _admitted(self, request: ImageRequest) -> ImageRequest:
        """*request* as its model takes it, mended where the task says so."""
        studio, node = self._studio, self._call.node
        try:
            await studio.client.check(request)
        except UnsupportedError as error:
            choice = node.on_violation or studio.plan.on_violation
            spec = studio.specs.get(request.model)
            if choice == "skip":
                raise _SkippedError(error) from error
            if choice != "fix" or spec is None:
                raise
            loop = asyncio.get_running_loop()
            request, self._fixes = await loop.run_in_executor(studio.readers, fixed, request, spec)
            await studio.client.check(request)
            log.warning(
                "record %d, node %s: the request was mended: %s",
                self._call.position,
                node.name,
                "; ".join(self._fixes),
            )
        return request

    async def _intended(self, request: ImageRequest) -> Stem | Standing:
        """The stem of the call's pictures, once it is noted that it is to be sent; how it stands where it isn't."""
        call, studio, journal = self._call, self._studio, self._studio.journal

        def named() -> tuple[str, str]:
            key = journal.key(call.record_id, call.node.name, request, draw=call.draw)
            return key, asked_of(request, self._fixes)

        # Only pictures take long to hash.
        self._key, asked = await asyncio.to_thread(named) if request.images else named()
        site = CallSite(record_id=call.record_id, node=call.node.name, draw=call.draw)
        stem = studio.picture_folder / call.stem
        anew = False
        while (intended := await journal.intend(self._key, site, asked, stem=stem, anew=anew)) is None:
            standing = await asyncio.to_thread(journal.standing, self._key)
            anew = self._is_wanted_again(standing)
            if not anew:
                return standing
        found, self._attempts = intended
        return found

    def _is_wanted_again(self, standing: Standing) -> bool:
        if standing.fault is None:
            return standing.state == "to send"
        return self._studio.retry_unknown if standing.fault.may_have_billed else self._studio.retry_failed

    def _again(self, standing: Standing) -> RecordFault | None:
        """The fault of an earlier run, for the record's place in this one."""
        if standing.fault is None:
            return None
        return replace(standing.fault, position=self._call.position, remembered=True)

    async def _send(self, request: ImageRequest, stem: Stem) -> Drawn:
        result = await self._answered(request)
        fetched = [await self._fetched(image) for image in result.images]
        noted: asyncio.Future[RecordFault | None] = asyncio.get_running_loop().create_future()
        # One thread for all of it: waking another costs as much as decoding a picture.
        self._studio.savers.hand(partial(self._save, request, result, fetched, stem, noted))
        try:
            return self._end(await noted)
        except OSError as error:
            raise _UnsavedError(stem.path.parent, error) from error

    async def _answered(self, request: ImageRequest) -> ImageResult:
        call, studio = self._call, self._studio

        def ask() -> Coroutine[None, None, ImageResult]:
            return studio.sender.send(
                request, self._key, cost_of=lambda result: self._cost(request, result), reserved=self._reserved
            )

        if studio.shared is None:
            return await ask()
        content = await asyncio.to_thread(
            studio.journal.content_key, call.record_id, call.node.name, request, draw=call.draw
        )
        return await studio.shared.get(content, ask, pictures=request.n)

    async def _reserved(self, high_usd: Decimal) -> None:
        await asyncio.to_thread(self._studio.journal.reserve, self._key, high_usd)

    async def _fetched(self, image: GeneratedImage) -> bytes | ImageError | None:
        """A picture that came as a link, or why it can't be had; None where it came along."""
        if not isinstance(image.url, str):
            return None
        try:
            return await self._studio.client.picture_bytes(image)
        except ImageError as error:
            return error

    def _save(
        self,
        request: ImageRequest,
        result: ImageResult,
        fetched: Sequence[bytes | ImageError | None],
        stem: Stem,
        noted: "asyncio.Future[RecordFault | None]",
    ) -> None:
        """Save the pictures of *result*. *noted* gives what is wrong with it once there is a receipt.

        Whoever waits for that may be gone meanwhile: the receipt is written all the same.
        """
        kept: list[KeptPicture] = []
        single = request.n == len(result.images) == 1
        try:
            try:
                faults = save_pictures(result, fetched, stem, wanted=request.n, kept=kept)
            finally:
                if kept:
                    self._answer = _value([picture.path for picture in kept], single=single)
                    self._pictures = len(kept)
            answered = answered_with(result, single=single, cost_usd=self._cost(request, result))
            fault = replace(self._refusal(faults[0]), may_have_billed=True) if faults else None
            self._studio.journal.keep(self._key, kept, answered, fault, noted, folder=stem.path.parent)
        except Exception as error:  # noqa: BLE001  # it belongs to whoever waits
            noted.get_loop().call_soon_threadsafe(_fail, noted, error)

    def _cost(self, request: ImageRequest, result: ImageResult) -> Decimal | None:
        """As the gateway says; where it isn't ours, by what the answer says was used. None where nobody knows."""
        spec = self._studio.specs.get(request.model)
        told = result.upstream_headers.get("imageway-cost-usd")
        try:
            if told is not None:
                return Decimal(told)
            if spec is None or "imageway-target" in result.upstream_headers:
                return None
            return cost(result.usage, len(result.images), request, spec)
        except (ArithmeticError, LookupError, ValueError):
            return None  # a receipt is worth more than its price

    def _refusal(self, error: ImageError) -> RecordFault:
        return RecordFault(
            position=self._call.position,
            record_id=self._call.record_id,
            node=self._call.node.name,
            code=error.code,
            message=error.message,
            param=error.param,
            violations=error.violations if isinstance(error, UnsupportedError) else (),
            request_id=error.upstream_request_id,
            attempts=self._attempts,
            may_have_billed=error.may_have_billed,
        )

    def _fault(self, code: str, message: str, *, param: str | None = None, billed: bool = False) -> RecordFault:
        return RecordFault(
            position=self._call.position,
            record_id=self._call.record_id,
            node=self._call.node.name,
            code=code,
            message=message,
            param=param,
            attempts=self._attempts,
            may_have_billed=billed,
        )

    def _end(self, fault: RecordFault | None = None, halt: Halt | None = None) -> Drawn:
        return Drawn(answer=self._answer, pictures=self._pictures, reused=self._reused, fault=fault, halt=halt)


def _fail(noted: "asyncio.Future[RecordFault | None]", error: Exception) -> None:
    if not noted.done():
        noted.set_exception(error)


def _value(paths: Sequence[Path], *, single: bool) -> JsonValue:
    texts: list[JsonValue] = [str(path) for path in paths]
    return texts[0] if single and texts else texts or None
