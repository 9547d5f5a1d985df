"""Traces end to end: from a program that traces, through the SDK and the gateway, to the vendor, over real OTLP."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from fakes.busy_gateway import USAGE, configured
from fakes.upstream import Upstream, drawn, failed
from gateway_log import Log
from imageway.contract.errors import ImageError
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from imageway.sdk import Client
from loopback import serving


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free: int = probe.getsockname()[1]
    return free


SERVER, CLIENT = 2, 3
"""Kinds of spans, by OTLP."""


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in span.attributes}


class Calls:
    """What a tracing program does: a call that falls back, and one that the vendor refuses."""

    def __init__(self, folder: Path, port: int) -> None:
        self.upstream = Upstream()
        self.upstream.replies += [
            failed(401, "invalid_api_key"),
            drawn(usage=USAGE),
            failed(400, "moderation_blocked", "a secret kite is not allowed"),
        ]
        self.log = Log()
        self._config = folder
        self._port = port

    def made(self) -> Any:
        """The span that the program was in."""
        tracer = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False).get_tracer("a program")
        with serving(self.upstream) as vendor:
            config = configured(self._config, vendor)
            endpoint = f"http://127.0.0.1:{self._port}/v1/traces"
            config.write_text(f"{config.read_text()}traces: {{endpoint: '{endpoint}', service_name: pictures}}\n")
            app = create_app(load_settings(config), log=logger(self.log))
            with (
                serving(app, lifespan="on") as url,
                Client(url, api_key="team_a") as client,
                tracer.start_as_current_span("a page") as span,
            ):
                client.generate("a secret kite", model="gpt-image-1", size="1024x1024", quality="low")
                with pytest.raises(ImageError):
                    client.generate("a secret kite", model="gpt-image-1")
        return span.get_span_context()


async def test_a_trace_reaches_from_the_caller_to_the_vendor(tmp_path: Path, port: int) -> None:
    calls, spans = Calls(tmp_path, port), []
    receiver = OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port))
    async with receiver, asyncio.timeout(60):
        arriving = receiver.stream_traces()
        first = asyncio.ensure_future(anext(arriving))
        context = await asyncio.to_thread(calls.made)
        spans = [await first, *[await anext(arriving) for _ in range(4)]]

    trace_id = trace.format_trace_id(context.trace_id)
    assert {span.trace_id.hex() for span in spans} == {trace_id}
    servers = {attributes(span)["http.response.status_code"]: span for span in spans if span.kind == SERVER}
    call, refused = servers[200], servers[400]
    assert call.parent_span_id.hex() == refused.parent_span_id.hex() == trace.format_span_id(context.span_id)
    assert call.name == "generate_content gpt-image-1"
    told = attributes(call)
    assert told.pop("imageway.request_id").startswith("req_")
    assert told == {
        "http.request.method": "POST",
        "url.path": "/v1/images/generations",
        "http.response.status_code": 200,
        "gen_ai.operation.name": "generate_content",
        "gen_ai.output.type": "image",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-image-1",
        "gen_ai.request.choice.count": 1,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 1000,
        "imageway.operation": "generate",
        "imageway.key": "team-a",
        "imageway.provider": "spare",
        "imageway.attempts": 2,
        "imageway.images": 1,
        "imageway.cost_usd": 0.0407,
    }
    by_parent = {span.parent_span_id: span for span in spans if span.kind == CLIENT}
    attempts = [span for span in spans if span.kind == CLIENT and span.parent_span_id == call.span_id]
    ends = [
        (told["imageway.provider"], told["imageway.attempt"], told.get("error.type"), told["imageway.followed_by"])
        for told in map(attributes, attempts)
    ]
    assert ends == [("main", 1, "upstream_auth", "fallback"), ("spare", 2, None, "answer")]
    assert [request.headers["traceparent"].rpartition("-")[0] for request in calls.upstream.requests] == [
        f"00-{trace_id}-{span.span_id.hex()}" for span in (*attempts, by_parent[refused.span_id])
    ]
    assert attributes(refused)["error.type"] == "content_rejected"
    assert "secret" not in str(spans)
    assert f'"trace_id":"{trace_id}"' in calls.log.getvalue()


def test_a_program_that_does_not_trace_loads_nothing_for_it() -> None:
    loaded = (
        "import sys, imageway.gateway.app; from imageway.sdk import Client;"
        "print(any('opentelemetry' in name for name in sys.modules))"
    )

    ran = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"


def test_traces_without_their_library_are_told_of(tmp_path: Path) -> None:
    config = configured(tmp_path, "http://127.0.0.1:9")
    config.write_text(f"{config.read_text()}traces: {{}}\n")
    hidden = (
        "import sys; sys.modules['opentelemetry.sdk'] = None; from imageway.gateway.__main__ import main;"
        f"sys.exit(main(['check', '--config', {str(config)!r}]))"
    )

    ran = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)

    assert ran.returncode == 2
    assert ":24:9 error[missing-extra] traces need the extra 'otel': pip install 'imageway[otel]'" in ran.stderr
