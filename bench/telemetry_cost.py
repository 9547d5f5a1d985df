"""What listening to one call costs, in microseconds of CPU time: python bench/telemetry_cost.py [CALLS]."""

import io
import sys
from collections.abc import Callable
from decimal import Decimal
from time import process_time

from imageway.contract.request import Operation
from imageway.contract.result import TokenDetails, Usage
from imageway.gateway.engine.events import AttemptFinished, Observer, RequestFinished
from imageway.gateway.telemetry.logs import LogObserver, logger
from imageway.gateway.telemetry.metrics import Metrics

ROUNDS = 9
COMMON = {"request_id": "req_" + "a" * 32, "model": "gpt-image-2", "provider": "main", "upstream_model": "gpt-image-2"}
ATTEMPT = AttemptFinished(**COMMON, attempt=1, code="ok", seconds=3.0, followed_by="answer")
REQUEST = RequestFinished(
    **COMMON,
    operation=Operation.GENERATE,
    code="ok",
    seconds=3.002,
    upstream_seconds=3.0,
    attempts=1,
    images=1,
    prompt_chars=120,
    input_images=0,
    input_bytes=0,
    key="team-a",
    cost_usd=Decimal("0.0407"),
    estimated_usd=Decimal("0.0503"),
    usage=Usage(
        total_tokens=1100,
        input_tokens=100,
        output_tokens=1000,
        input_tokens_details=TokenDetails(text_tokens=100),
    ),
)


def one_call(observer: Observer) -> None:
    observer.attempt_finished(ATTEMPT)
    observer.request_finished(REQUEST)


def cost_us(call: Callable[[], None], calls: int) -> float:
    """The least of several rounds: whatever else runs on the machine only adds."""
    found = []
    for _ in range(ROUNDS):
        started_s = process_time()
        for _ in range(calls):
            call()
        found.append((process_time() - started_s) / calls * 1e6)
    return min(found)


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    observers: dict[str, Observer] = {"metrics": Metrics(), "log line": LogObserver(logger(io.StringIO()))}
    for name, observer in observers.items():
        print(f"{name:20} {cost_us(lambda observer=observer: one_call(observer), calls):6.0f} us")


if __name__ == "__main__":
    main()
