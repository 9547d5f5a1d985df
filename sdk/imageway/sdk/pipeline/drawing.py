"""One image call of a record: the request made and checked, its answer found or paid for, the pictures saved."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

from imageway.contract.errors import ErrorCode, ImageError, UnsupportedError
from imageway.contract.request import ImageFormat, ImageRequest, JsonValue
from imageway.contract.result import GeneratedImage, ImageResult
from imageway.contract.spec import ModelSpec
from imageway.sdk.errors import GatewayUnreachableError
from imageway.sdk.pipeline.events import RecordFault
from imageway.sdk.pipeline.journal import EarlierPictureError, Journal, JournalError
from imageway.sdk.pipeline.plan import ImageNode
from imageway.sdk.pipeline.render import request_of
from imageway.sdk.pipeline.sink import save_picture
from imageway.sdk.pipeline.template import MissingFieldError

__all__ = ("Call", "DrawingClient", "Drawn", "Halt", "Studio", "draw")

log = logging.getLogger(__name__)


class DrawingClient(Protocol):
    """What a run needs of `AsyncClient`."""

    async def models(self) -> Mapping[str, ModelSpec]: ...

    async def check(self, request: ImageRequest) -> None: ...

    async def send(self, request: ImageRequest, *, idempotency_key: str | None = None) -> ImageResult: ...

    async def picture_bytes(self, image: GeneratedImage) -> bytes: ...


class Studio(Struct, frozen=True, kw_only=True):
    """What all records of a run share. Relative paths of pictures are looked up in `input_folders`.

    With `replace`, pictures of other calls make room for new ones.
    """

    client: DrawingClient
    nodes: tuple[ImageNode, ...]
    specs: Mapping[str, ModelSpec]
    picture_folder: Path
    input_folders: Sequence[Path]
    journal: Journal
    replace: bool = False


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

    cause: Literal["unreachable", "storage"]
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


class _Drawing:
    def __init__(self, call: Call, studio: Studio) -> None:
        self._call = call
        self._studio = studio
        self._answer: JsonValue = None
        self._pictures = 0
        self._reused = 0
        self._attempts = 0

    async def run(self, state: Mapping[str, JsonValue]) -> Drawn:
        try:
            await self._draw(state)
        except GatewayUnreachableError as error:
            self._attempts = 0
            return self._end(self._refusal(error), Halt(cause="unreachable", reason=error.message))
        except ImageError as error:
            return self._end(self._refusal(error))
        except MissingFieldError as error:
            return self._end(self._fault("missing_field", str(error), param=error.field))
        except EarlierPictureError as error:
            return self._end(self._fault("earlier_picture", str(error)))
        except JournalError as error:
            fault = self._fault("storage", str(error), billed=self._attempts > 0)
            return self._end(fault, Halt(cause="storage", reason=str(error)))
        except _UnsavedError as error:
            fault = self._fault("storage", str(error), billed=True)
            return self._end(fault, Halt(cause="storage", reason=str(error)))
        except Exception as error:
            kind = type(error).__name__
            log.exception("record %d, node %s: unexpected %s", self._call.position, self._call.node.name, kind)
            sentence = f"Something unexpected went wrong ({kind}); the log has its traceback."
            return self._end(self._fault(ErrorCode.INTERNAL, sentence, billed=self._attempts > 0))
        return self._end()

    async def _draw(self, state: Mapping[str, JsonValue]) -> None:
        call, studio, journal = self._call, self._studio, self._studio.journal
        request = await asyncio.to_thread(
            request_of, call.node, state, folders=studio.input_folders, spec=studio.specs.get(call.node.model)
        )
        await studio.client.check(request)
        key = await asyncio.to_thread(journal.key, call.record_id, call.node.name, request, draw=call.draw)
        earlier = await asyncio.to_thread(journal.receipt, key)
        if earlier is not None:
            self._answer = _value([str(path) for path in earlier], single=len(earlier) == 1)
            self._reused = len(earlier)
            return
        stem = studio.picture_folder / call.stem
        await asyncio.to_thread(journal.intend, key, call.record_id, call.node.name, stem=stem, replace=studio.replace)
        self._attempts = 1
        result = await studio.client.send(request, idempotency_key=key)
        paths = await self._keep(result, asked=request.n)
        await asyncio.to_thread(journal.keep, key, paths)

    async def _keep(self, result: ImageResult, *, asked: int) -> list[Path]:
        """Save every picture that can be, and only then complain of the others: all of them are paid for."""
        paths: list[Path] = []
        faults: list[ImageError] = []
        folder = self._studio.picture_folder
        try:
            for index, image in enumerate(result.images):
                try:
                    content = await self._studio.client.picture_bytes(image)
                except ImageError as error:
                    faults.append(error)
                    continue
                path, format_ = await asyncio.to_thread(save_picture, folder, self._call.stem, index, content)
                paths.append(path)
                if format_ is ImageFormat.UNKNOWN:
                    faults.append(_no_picture(path, result))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise _UnsavedError(f"Can't write pictures to {folder}: {reason}.") from error
        finally:
            if paths:
                self._answer = _value([str(path) for path in paths], single=asked == len(result.images) == 1)
                self._pictures = len(paths)
        if faults:
            raise faults[0]
        if len(paths) < asked:
            raise _too_few(len(paths), asked, result)
        return paths

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


def _value(paths: list[str], *, single: bool) -> JsonValue:
    return paths[0] if single else [*paths]


def _too_few(drawn: int, asked: int, result: ImageResult) -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE,
        f"The answer holds {drawn} of the {asked} pictures that were asked for; those were kept.",
        upstream_request_id=result.upstream_request_id,
        may_have_billed=True,
    )


def _no_picture(path: Path, result: ImageResult) -> ImageError:
    return ImageError(
        ErrorCode.UPSTREAM_UNAVAILABLE,
        f"The answer holds what is no image of a known format; it was kept as {path.name}.",
        upstream_request_id=result.upstream_request_id,
        may_have_billed=True,
    )
