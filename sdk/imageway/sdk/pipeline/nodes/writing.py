"""One chat completion of a record. Its answer is in the journal, so that a rerun doesn't ask for it again."""

import asyncio
import base64
import logging
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageInput, ImageRequest, JsonValue, Operation
from imageway.contract.version import __version__
from imageway.sdk.errors import GatewayUnreachableError
from imageway.sdk.pipeline.events import RecordFault
from imageway.sdk.pipeline.files.provenance import WRITES, input_told, json_told
from imageway.sdk.pipeline.journal.journal import JournalError
from imageway.sdk.pipeline.nodes.drawing import Drawn, Halt, Studio
from imageway.sdk.pipeline.nodes.parameters import filled
from imageway.sdk.pipeline.nodes.render import pictures_of
from imageway.sdk.pipeline.plan import ImagePart, TextNode, TextPart
from imageway.sdk.pipeline.sending.sending import NotSentError
from imageway.sdk.pipeline.template import MissingFieldError, render

__all__ = ("write",)

log = logging.getLogger(__name__)


class _Said(Struct, frozen=True):
    """A message as it is rendered for a record; `content` is a text, or texts and pictures."""

    role: str
    content: str | tuple[str | ImageInput, ...]


async def write(
    node: TextNode, state: Mapping[str, JsonValue], studio: Studio, *, position: int, record_id: str, draw: int
) -> Drawn:
    """Have *node* answered for *state*. Raises nothing but `CancelledError`."""
    return await _Writing(node, studio, position=position, record_id=record_id, draw=draw).run(state)


class _Writing:
    """A call: of which record, and the how manieth of its node for the record."""

    def __init__(self, node: TextNode, studio: Studio, *, position: int, record_id: str, draw: int) -> None:
        self._node = node
        self._studio = studio
        self._position = position
        self._record_id = record_id
        self._draw = draw
        self._attempts = 0

    async def run(self, state: Mapping[str, JsonValue]) -> Drawn:
        try:
            return await self._run(state)
        except MissingFieldError as error:
            return Drawn(fault=self._fault("missing_field", str(error), param=error.field))
        except ImageError as error:
            return Drawn(fault=self._refusal(error))
        except JournalError as error:
            fault = self._fault("storage", str(error), billed=self._attempts > 0)
            return Drawn(fault=fault, halt=Halt(cause="storage", reason=str(error)))
        except Exception as error:
            kind = type(error).__name__
            log.exception("record %d, node %s: unexpected %s", self._position, self._node.name, kind)
            sentence = f"Something unexpected went wrong ({kind}); the log has its traceback."
            return Drawn(fault=self._fault(ErrorCode.INTERNAL, sentence, billed=self._attempts > 0))

    async def _run(self, state: Mapping[str, JsonValue]) -> Drawn:
        journal = self._studio.journal
        messages, params = await asyncio.to_thread(self._rendered, state)
        body: dict[str, JsonValue] = {**params, "model": self._node.model, "messages": [*map(_sent, messages)]}
        key, found = await asyncio.to_thread(self._standing, body)
        if isinstance(found, str):
            return Drawn(answer=found)
        if found is not None and not self._asks_again(found):
            return Drawn(fault=replace(found, position=self._position, remembered=True))
        self._attempts = await asyncio.to_thread(self._intend, key, messages, params)
        try:
            answer = await self._studio.sender.write(
                self._node.endpoint.url,
                lambda: self._studio.chats.complete(self._node.endpoint, body, idempotency_key=key),
            )
        except NotSentError as error:
            return await self._unsent(
                key, self._fault("not_sent", error.reason), Halt(cause=error.cause, reason=error.reason)
            )
        except GatewayUnreachableError as error:
            return await self._unsent(key, self._refusal(error), Halt(cause="unreachable", reason=error.message))
        except ImageError as error:
            if error.code is ErrorCode.UNAUTHENTICATED:
                halt = Halt(cause="unauthorised", reason=error.message)
                return await self._unsent(key, self._refusal(error), halt)
            fault = self._refusal(error)
            await asyncio.to_thread(journal.fail, key, fault)
            return Drawn(fault=fault)
        await asyncio.to_thread(journal.texts.keep, key, answer.text, request_id=answer.request_id, usage=answer.usage)
        return Drawn(answer=answer.text)

    async def _unsent(self, key: str, fault: RecordFault, halt: Halt) -> Drawn:
        """The end of a call that came to nothing, and would for every record."""
        await asyncio.to_thread(self._studio.journal.unsend, key)
        return Drawn(fault=replace(fault, attempts=0), halt=halt)

    def _asks_again(self, fault: RecordFault) -> bool:
        return self._studio.retry_unknown if fault.may_have_billed else self._studio.retry_failed

    def _rendered(self, state: Mapping[str, JsonValue]) -> tuple[list[_Said], dict[str, JsonValue]]:
        said = []
        for message in self._node.messages:
            parts: list[str | ImageInput] = []
            for part in message.parts:
                if isinstance(part, ImagePart):
                    parts += pictures_of(part, state, self._studio.places)
                else:
                    parts.append(render(part.template, state))
            match message.parts:
                case (TextPart(),):
                    said.append(_Said(message.role, str(parts[0])))
                case _:
                    said.append(_Said(message.role, tuple(parts)))
        return said, filled(self._node.params, state, {})

    def _standing(self, body: dict[str, JsonValue]) -> tuple[str, str | RecordFault | None]:
        """The call's name, and what is known of it. The journal names requests, and this is one at another address."""
        journal = self._studio.journal
        request = ImageRequest(operation=Operation.GENERATE, model=f"chat {self._node.endpoint.url}", params=body)
        key = journal.key(self._record_id, self._node.name, request, draw=self._draw)
        return key, journal.texts.standing(key)

    def _intend(self, key: str, messages: Sequence[_Said], params: dict[str, JsonValue]) -> int:
        asked = json_told({
            "operation": WRITES,
            "model": self._node.model,
            "messages": [*map(_told, messages)],
            "parameters": params,
            "imageway": __version__,
        })  # fmt: skip
        texts = self._studio.journal.texts
        return texts.intend(key, record_id=self._record_id, node=self._node.name, draw=self._draw, asked=asked)

    def _refusal(self, error: ImageError) -> RecordFault:
        return self._fault(
            error.code,
            error.message,
            param=error.param,
            request_id=error.upstream_request_id,
            billed=error.may_have_billed,
        )

    def _fault(
        self, code: str, message: str, *, param: str | None = None, request_id: str | None = None, billed: bool = False
    ) -> RecordFault:
        return RecordFault(
            position=self._position,
            record_id=self._record_id,
            node=self._node.name,
            code=code,
            message=message,
            param=param,
            request_id=request_id,
            attempts=self._attempts,
            may_have_billed=billed,
        )


def _sent(message: _Said) -> dict[str, JsonValue]:
    """As it goes to the endpoint: pictures are data URLs."""

    def url(picture: ImageInput) -> JsonValue:
        return {"url": f"data:{picture.facts.format.media_type};base64,{base64.b64encode(picture.content).decode()}"}

    return {"role": message.role, "content": _content(message, url)}


def _told(message: _Said) -> dict[str, JsonValue]:
    """As it is kept: pictures are their hashes."""
    return {"role": message.role, "content": _content(message, input_told)}


def _content(message: _Said, shown: Callable[[ImageInput], JsonValue]) -> JsonValue:
    if isinstance(message.content, str):
        return message.content
    return [
        {"type": "text", "text": part} if isinstance(part, str) else {"type": "image_url", "image_url": shown(part)}
        for part in message.content
    ]
