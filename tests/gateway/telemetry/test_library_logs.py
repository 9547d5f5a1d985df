"""Warnings of libraries in the gateway's own log."""

import json
import logging

from gateway_log import Log
from imageway.gateway.telemetry.library_logs import library_logs
from imageway.gateway.telemetry.logs import logger


def told(log: Log) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_what_libraries_say_is_a_line_of_json_while_it_lasts() -> None:
    log = Log()
    with library_logs(logger(log)):
        logging.getLogger("uvicorn.error").error("it %s", "broke")
        logging.getLogger("some.library").log(35, "odd")
        logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("later")

    said = [{name: value for name, value in line.items() if name != "timestamp"} for line in told(log)]
    assert said == [
        {"level": "error", "event": "library.said", "library": "uvicorn.error", "said": "it broke"},
        {"level": "warning", "event": "library.said", "library": "some.library", "said": "odd"},
    ]


def test_modules_of_the_gateway_name_their_events_and_show_no_locals() -> None:
    log = Log()
    secret = "sk-very-secret"
    with library_logs(logger(log)):
        try:
            raise ValueError(len(secret))
        except ValueError:
            logging.getLogger("imageway.gateway.ledger.keyed").exception("ledger.keep_failed")

    (line,) = told(log)
    assert (line["event"], line["level"]) == ("ledger.keep_failed", "error")
    assert "ValueError" in json.dumps(line["exception"])
    assert secret not in log.getvalue()
