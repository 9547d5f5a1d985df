"""Calls under an `Idempotency-Key`: drawn once, and answered as often as asked."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request

from imageway.contract.content import whole
from imageway.contract.errors import ImageError
from imageway.contract.request import ImageRequest
from imageway.contract.result import ImageResult
from imageway.contract.stream import event_bytes
from imageway.contract.wire import result_body
from imageway.gateway.access.callers import Caller
from imageway.gateway.engine.patience import Patience
from imageway.gateway.http.held import generation_of
from imageway.gateway.http.links import base_url_of, with_whole_links
from imageway.gateway.http.outcome_headers import outcome_headers
from imageway.gateway.http.presence import while_there
from imageway.gateway.http.relayed import RelayedAnswer
from imageway.gateway.http.request_id import request_id_of
from imageway.gateway.ledger.fingerprint import fingerprint
from imageway.gateway.ledger.kept_answer import KeptAnswer
from imageway.gateway.ledger.keyed import KeyedCall, KeyedCalls, SentMark
from imageway.gateway.spool import Spool, endless, let_go

__all__ = ("keyed_answer",)

AnyRequest = Request[Any, Any, Any]


async def keyed_answer(
    keyed: KeyedCalls,
    key: str,
    request: AnyRequest,
    asked: ImageRequest,
    caller: Caller,
    patience: Patience,
    spool: Spool,
) -> RelayedAnswer:
    """The answer to *asked* under *key*: a fresh one, that of the same call under way, or the one that was kept.

    A caller who leaves, or whose *patience* is over, stops nothing. A stream is kept whole, so its events come
    together, when the last one is there.
    """
    request_id, base_url, generation = request_id_of(request), base_url_of(request), generation_of(request)
    engine, max_bytes = generation.engine, generation.settings.server.max_answer_bytes

    ran = False

    async def drawn(mark_sent: Callable[[], Awaitable[None]]) -> KeptAnswer:
        nonlocal ran
        ran = True
        outcome = await engine.run(asked, request_id=request_id, caller=caller, before_sending=mark_sent)
        return KeptAnswer(
            status=200,
            headers={"content-type": "application/json", **outcome_headers(outcome)},
            body=_whole(with_whole_links(outcome.result, base_url)),
        )

    async def streamed(mark_sent: Callable[[], Awaitable[None]]) -> KeptAnswer:
        nonlocal ran
        ran = True
        async with engine.stream(asked, request_id=request_id, caller=caller, before_sending=mark_sent) as stream:
            events: list[bytes] = []
            size = 0
            async for event in stream.events:
                events.append(event_bytes(event, asked.operation))
                size += len(events[-1])
                if size > max_bytes:
                    raise endless(max_bytes)
        headers = {"content-type": "text/event-stream; charset=utf-8", **outcome_headers(stream)}
        return KeptAnswer(status=200, headers=headers, body=b"".join(events))

    def held(call: KeyedCall) -> KeyedCall:
        """*call*, which may outlive its request: its caller may leave. Then nobody reads the files any more."""

        async def holding(mark_sent: SentMark) -> KeptAnswer:
            try:
                with generation:
                    return await call(mark_sent)
            finally:
                let_go(asked)

        return holding

    try:
        answered = await while_there(
            request.receive,
            keyed.run(
                caller=caller.key.name,
                key=key,
                fingerprint=await fingerprint(asked),
                call=held(streamed if asked.params.get("stream") is True else drawn),
                deadline_s=patience.shortest_s,
                retry_unknown=request.headers.get("imageway-retry-unknown") == "true",
            ),
        )
    except ImageError as error:
        if not ran:
            engine.refused(asked.operation, error, request_id=request_id, caller=caller, keyed=asked)
        raise
    headers = {**answered.answer.headers, "x-request-id": request_id}
    if answered.replayed:
        engine.replayed(asked, request_id=request_id, caller=caller, joined=answered.joined)
        headers["imageway-replayed"] = "true"
    return RelayedAnswer(spool.passing(answered.answer.body), headers, answered.answer.status)


def _whole(result: ImageResult) -> bytes:
    return result_body(result) if result.as_it_came is None else whole(result.as_it_came)
