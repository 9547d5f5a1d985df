"""One chat completion of a record. Its answer is kept beside the journal, so that a rerun doesn't ask for it again."""

import asyncio
import base64
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, JsonValue, Operation
from imageway.sdk.errors import GatewayUnreachableError
from imageway.sdk.pipeline.events import RecordFault
from imageway.sdk.pipeline.files.sink import atomic_file
from imageway.sdk.pipeline.journal.journal import JournalError
from imageway.sdk.pipeline.nodes.drawing import Drawn, Halt, Studio
from imageway.sdk.pipeline.nodes.parameters import filled
from imageway.sdk.pipeline.nodes.render import pictures_of
from imageway.sdk.pipeline.plan import ChatMessage, ImagePart, TextNode, TextPart
from imageway.sdk.pipeline.template import MissingFieldError, render

__all__ = ("write",)

log = logging.getLogger(__name__)


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
            return Drawn(answer=await self._answer(state))
        except MissingFieldError as error:
            return self._end("missing_field", str(error), param=error.field)
        except GatewayUnreachableError as error:
            self._attempts = 0
            return self._end(error.code, error.message, halt=Halt(cause="unreachable", reason=error.message))
        except ImageError as error:
            return self._end(
                error.code,
                error.message,
                param=error.param,
                request_id=error.upstream_request_id,
                billed=error.may_have_billed,
            )
        except (JournalError, OSError) as error:
            reason = f"Can't keep the answer: {error}"
            return self._end("storage", reason, billed=self._attempts > 0, halt=Halt(cause="storage", reason=reason))
        except Exception as error:
            kind = type(error).__name__
            log.exception("record %d, node %s: unexpected %s", self._position, self._node.name, kind)
            sentence = f"Something unexpected went wrong ({kind}); the log has its traceback."
            return self._end(ErrorCode.INTERNAL, sentence, billed=self._attempts > 0)

    async def _answer(self, state: Mapping[str, JsonValue]) -> str:
        body = await asyncio.to_thread(self._body, state)
        key = await asyncio.to_thread(self._key, body)
        file = self._studio.picture_folder.parents[1] / ".imageway" / "answers" / f"{key}.json"
        kept = await asyncio.to_thread(_read, file)
        if kept is not None:
            return kept
        self._attempts = 1
        text = await self._studio.chats.complete(self._node.endpoint, body, idempotency_key=key)
        await asyncio.to_thread(_keep, file, text)
        return text

    def _body(self, state: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        messages = [self._message(message, state) for message in self._node.messages]
        return {**filled(self._node.params, state, {}), "model": self._node.model, "messages": [*messages]}

    def _message(self, message: ChatMessage, state: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        parts: list[JsonValue] = []
        for part in message.parts:
            if isinstance(part, ImagePart):
                for picture in pictures_of(part, state, self._studio.places):
                    text = base64.b64encode(picture.content).decode()
                    url = f"data:{picture.facts.format.media_type};base64,{text}"
                    parts.append({"type": "image_url", "image_url": {"url": url}})
            else:
                parts.append({"type": "text", "text": render(part.template, state)})
        if len(message.parts) == 1 and isinstance(message.parts[0], TextPart):
            return {"role": message.role, "content": render(message.parts[0].template, state)}
        return {"role": message.role, "content": parts}

    def _key(self, body: dict[str, JsonValue]) -> str:
        """The call's name; the journal makes names of requests, and this is one at another address."""
        request = ImageRequest(operation=Operation.GENERATE, model=f"chat {self._node.endpoint.url}", params=body)
        return self._studio.journal.key(self._record_id, self._node.name, request, draw=self._draw)

    def _end(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        request_id: str | None = None,
        billed: bool = False,
        halt: Halt | None = None,
    ) -> Drawn:
        fault = RecordFault(
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
        return Drawn(fault=fault, halt=halt)


def _keep(file: Path, text: str) -> None:
    with atomic_file(file) as opened:
        opened.write(json.dumps({"text": text}).encode())


def _read(file: Path) -> str | None:
    """The answer in *file*, None where there is none that is whole."""
    try:
        kept = json.loads(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    text = kept.get("text") if isinstance(kept, dict) else None
    return text if isinstance(text, str) else None
