"""A pipeline, a gateway with a ledger and a vendor: a call whose end is unknown is paid for again only on request."""

import json
from pathlib import Path

import pytest

from fakes.task_files import write_task
from fakes.upstream import Upstream, failed
from gateway_log import Log
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings
from imageway.gateway.telemetry.logs import logger
from imageway.sdk.cli import main
from loopback import serving


def test_a_doubtful_call_waits_for_the_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    upstream = Upstream()
    upstream.replies.append(failed(500, None))
    task = tmp_path / "task"
    task.mkdir()
    write_task(task, ("name: dall-e-2", "name: gpt-image-1"), ("size: 512x512", "size: 1024x1024"))
    with serving(upstream) as vendor:
        (tmp_path / "key").write_text("sk-secret\n")
        (tmp_path / "gateway.yaml").write_text(
            f'providers: [{{name: main, type: openai, base_url: "{vendor}/v1", api_key: "file:{tmp_path}/key"}}]\n'
            'ledger: {store: "sqlite:ledger.sqlite3"}\n'
        )
        app = create_app(load_settings(tmp_path / "gateway.yaml"), log=logger(Log()))
        with serving(app, lifespan="on") as url:
            codes = []
            faults = []
            for flags in ([], [], ["--retry-unknown"], []):
                codes.append(main(["run", str(task), "--gateway", url, *flags]))
                [row] = json.loads((task / "output.json").read_text())
                faults.append(row.get("_error", {}).get("code"))

    capsys.readouterr()
    assert codes == [3, 3, 0, 0]
    assert faults == ["upstream_unavailable", "upstream_unavailable", None, None]
    assert len(upstream.requests) == 2
