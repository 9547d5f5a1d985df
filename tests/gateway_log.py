"""The gateway's log in memory, for tests that read what an operator would."""

import io
import json
import threading
from typing import Any


class Log(io.StringIO):
    """A log that tells when a request's end stands in it."""

    def __init__(self) -> None:
        super().__init__()
        self.finished = threading.Event()

    def write(self, text: str) -> int:
        length = super().write(text)
        if "request.finished" in text:
            self.finished.set()
        return length

    def last(self) -> dict[str, Any]:
        """The last request's line; waits until it is written."""
        assert self.finished.wait(timeout=10)
        lines = [json.loads(line) for line in self.getvalue().splitlines()]
        return [line for line in lines if line["event"] == "request.finished"][-1]
