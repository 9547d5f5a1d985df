"""Counts the bytes of calls and answers, and the calls in flight, where they pass on the way to the routes."""

from collections.abc import Callable
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from imageway.gateway.telemetry.metrics import Metrics

__all__ = ("wire_meter",)

_OPERATIONS = {"generations": "generate", "edits": "edit", "variations": "variation"}


def wire_meter(metrics: Metrics) -> Callable[[ASGIApp], ASGIApp]:
    """The meter as ASGI middleware."""
    families, tally = metrics.families, metrics.tally
    calls = held = 0
    families.calls_in_flight.set_function(lambda: float(calls))
    families.bytes_in_flight.set_function(lambda: float(held))
    counters = {
        ending: (families.received_bytes.labels(operation), families.sent_bytes.labels(operation))
        for ending, operation in _OPERATIONS.items()
    }

    def around(app: ASGIApp) -> ASGIApp:
        async def metered(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal calls, held
            found = counters.get(scope["path"].rpartition("/")[2]) if scope["type"] == ScopeType.HTTP else None
            if found is None:
                await app(scope, receive, send)
                return
            received = sent = 0

            async def receiving() -> Any:  # noqa: ANN401  # Litestar has two types for one message
                nonlocal received, held
                message = await receive()
                if message["type"] == "http.request" and (size := len(message["body"])):
                    received += size
                    held += size
                return message

            async def sending(message: Message) -> None:
                nonlocal sent
                if message["type"] == "http.response.body":
                    sent += len(message["body"])
                await send(message)

            calls += 1
            try:
                await app(scope, receiving, sending)
            finally:
                calls -= 1
                held -= received
                tally.add(found[0], received)
                tally.add(found[1], sent)

        return metered

    return around
