"""One record through the nodes of its task: pictures drawn and saved, the first fault noted."""

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

__all__ = ("DrawingClient", "Halt", "Record", "RecordEnd", "Studio", "draw_record")

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


class Record(Struct, frozen=True, kw_only=True):
    """A record to be run: its place from 1, its id, its fields, and the file stem of each output key."""

    position: int
    record_id: str
    fields: dict[str, JsonValue]
    stems: dict[str, str]


class Halt(Struct, frozen=True, kw_only=True):
    """Why no other record should be begun: what befell this one would befall all."""

    cause: Literal["unreachable", "storage"]
    reason: str


class RecordEnd(Struct, frozen=True, kw_only=True):
    """What became of a record: its fields with the answers beside them, and which of them were drawn.

    `pictures` were drawn now, `reused` by an earlier run of the same.

    With `halt` and without a fault nothing has happened yet, and the record may be run another time.
    """

    state: dict[str, JsonValue]
    drawn: frozenset[str] = frozenset()
    pictures: int = 0
    reused: int = 0
    fault: RecordFault | None = None
    halt: Halt | None = None


async def draw_record(record: Record, studio: Studio) -> RecordEnd:
    """Run the nodes on *record* until one fails. Raises nothing but `CancelledError`."""
    return await _Drawing(record, studio).run()


class _UnsavedError(Exception):
    """A picture was drawn and can't be written."""


class _Drawing:
    def __init__(self, record: Record, studio: Studio) -> None:
        self._record = record
        self._studio = studio
        self._state = dict(record.fields)
        self._drawn: set[str] = set()
        self._pictures = 0
        self._reused = 0
        self._attempts = 0

    async def run(self) -> RecordEnd:
        for node in self._studio.nodes:
            self._attempts = 0
            try:
                await self._draw(node)
            except GatewayUnreachableError as error:
                return self._unreachable(node, error)
            except ImageError as error:
                return self._end(self._refusal(node, error))
            except MissingFieldError as error:
                return self._end(self._fault(node, "missing_field", str(error), param=error.field))
            except EarlierPictureError as error:
                return self._end(self._fault(node, "earlier_picture", str(error)))
            except JournalError as error:
                halt = Halt(cause="storage", reason=str(error))
                return self._end(self._fault(node, "storage", str(error), billed=self._attempts > 0), halt)
            except _UnsavedError as error:
                halt = Halt(cause="storage", reason=str(error))
                return self._end(self._fault(node, "storage", str(error), billed=True), halt)
            except Exception as error:
                kind = type(error).__name__
                log.exception("record %d, node %s: unexpected %s", self._record.position, node.name, kind)
                sentence = f"Something unexpected went wrong ({kind}); the log has its traceback."
                return self._end(self._fault(node, ErrorCode.INTERNAL, sentence, billed=self._attempts > 0))
        return self._end()

    async def _draw(self, node: ImageNode) -> None:
        request = await asyncio.to_thread(
            request_of,
            node,
            self._state,
            folders=self._studio.input_folders,
            spec=self._studio.specs.get(node.model),
        )
        await self._studio.client.check(request)
        journal, record_id = self._studio.journal, self._record.record_id
        key = await asyncio.to_thread(journal.key, record_id, node.name, request)
        earlier = await asyncio.to_thread(journal.receipt, key)
        if earlier is not None:
            self._answer(node, [str(path) for path in earlier], single=len(earlier) == 1)
            self._reused += len(earlier)
            return
        stem = self._studio.picture_folder / self._record.stems[node.output_key]
        await asyncio.to_thread(journal.intend, key, record_id, node.name, stem=stem, replace=self._studio.replace)
        self._attempts = 1
        result = await self._studio.client.send(request, idempotency_key=key)
        paths = await self._keep(node, result, asked=request.n)
        await asyncio.to_thread(journal.keep, key, paths)

    def _answer(self, node: ImageNode, paths: Sequence[str], *, single: bool) -> None:
        self._state[node.output_key] = paths[0] if single else [*paths]
        self._drawn.add(node.output_key)

    async def _keep(self, node: ImageNode, result: ImageResult, *, asked: int) -> list[Path]:
        """Save every picture that can be, and only then complain of the others: all of them are paid for."""
        paths: list[Path] = []
        faults: list[ImageError] = []
        stem = self._record.stems[node.output_key]
        try:
            for index, image in enumerate(result.images):
                try:
                    content = await self._studio.client.picture_bytes(image)
                except ImageError as error:
                    faults.append(error)
                    continue
                folder = self._studio.picture_folder
                path, format_ = await asyncio.to_thread(save_picture, folder, stem, index, content)
                paths.append(path)
                if format_ is ImageFormat.UNKNOWN:
                    faults.append(_no_picture(path, result))
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise _UnsavedError(f"Can't write pictures to {self._studio.picture_folder}: {reason}.") from error
        finally:
            if paths:
                self._answer(node, [str(path) for path in paths], single=asked == len(result.images) == 1)
                self._pictures += len(paths)
        if faults:
            raise faults[0]
        if len(paths) < asked:
            raise _too_few(len(paths), asked, result)
        return paths

    def _unreachable(self, node: ImageNode, error: GatewayUnreachableError) -> RecordEnd:
        """Nothing was sent by this node; what earlier ones drew is worth a row."""
        self._attempts = 0
        halt = Halt(cause="unreachable", reason=error.message)
        return self._end(self._refusal(node, error) if self._drawn else None, halt)

    def _refusal(self, node: ImageNode, error: ImageError) -> RecordFault:
        return RecordFault(
            position=self._record.position,
            record_id=self._record.record_id,
            node=node.name,
            code=error.code,
            message=error.message,
            param=error.param,
            violations=error.violations if isinstance(error, UnsupportedError) else (),
            request_id=error.upstream_request_id,
            attempts=self._attempts,
            may_have_billed=error.may_have_billed,
        )

    def _fault(
        self, node: ImageNode, code: str, message: str, *, param: str | None = None, billed: bool = False
    ) -> RecordFault:
        return RecordFault(
            position=self._record.position,
            record_id=self._record.record_id,
            node=node.name,
            code=code,
            message=message,
            param=param,
            attempts=self._attempts,
            may_have_billed=billed,
        )

    def _end(self, fault: RecordFault | None = None, halt: Halt | None = None) -> RecordEnd:
        return RecordEnd(
            state=self._state,
            drawn=frozenset(self._drawn),
            pictures=self._pictures,
            reused=self._reused,
            fault=fault,
            halt=halt,
        )


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
