"""The gateway takes what the chart hands to it, and the chart's `helm test` tells a good gateway from a bad one."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helm.chart import CHART, VALUES, container, gateway_config, of_kind, one, rendered
from installed_gateway import check, gateway_process

SCRIPT = CHART / "files" / "test" / "draw.py"
SKETCH = "providers: [{name: paper, type: sketch}]\n"
KEYS = "keys: [{name: a, sha256: 5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5}]\n"


@pytest.mark.parametrize("values", VALUES, ids=lambda path: path.stem)
def test_the_gateway_takes_what_the_chart_renders(values: Path, tmp_path: Path) -> None:
    manifests = rendered(values)
    config = gateway_config(manifests).replace("/var/lib/imageway", str(tmp_path))
    for name in re.findall(r"file:/run/secrets/(\S+)", config):
        secret = tmp_path / "secrets" / name
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.write_text("s" * 40)
    config = config.replace("file:/run/secrets/", f"file:{tmp_path}/secrets/")
    (tmp_path / "gateway.yaml").write_text(config)
    names = [entry["name"] for entry in container(manifests).get("env", [])]
    names += [entry["secretKey"] for item in of_kind(manifests, "ExternalSecret") for entry in item["spec"]["data"]]
    token = tmp_path / "token"
    token.write_text("t")
    identity = {
        "AZURE_TENANT_ID": "t",
        "AZURE_CLIENT_ID": "c",
        "AZURE_FEDERATED_TOKEN_FILE": str(token),
    }
    environment = {**os.environ, **dict.fromkeys(names, "x" * 40), "IMAGEWAY_REDIS_URL": "redis://r:6379/0", **identity}
    status, told = check("gateway.yaml", environment, folder=tmp_path)

    assert status == 0, told


@pytest.fixture
def address(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a gateway with the parametrised configuration listens."""
    config = tmp_path / "gateway.yaml"
    config.write_text(request.param)
    with gateway_process(config, os.environ) as url:
        yield url.removeprefix("http://")


def hook(address: str, **variables: str) -> tuple[int, str]:
    """How the script of `helm test` ends, run as its pod would, and the last thing that it says."""
    environment = {**os.environ, "GATEWAY": address, "MODEL": "", "HAS_KEYS": "", **variables}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT.read_text()], env=environment, capture_output=True, text=True, check=False
    )
    return ran.returncode, (ran.stdout + ran.stderr).splitlines()[-1]


@pytest.mark.parametrize("address", [SKETCH], indirect=True)
def test_the_hook_draws_where_it_costs_nothing(address: str) -> None:
    status, told = hook(address, MODEL="gpt-image-2")

    assert status == 0, told
    assert re.fullmatch(r"a picture of \d{4,} bytes: fine", told)


@pytest.mark.parametrize("address", [SKETCH], indirect=True)
def test_the_hook_sends_nothing_where_it_has_no_model_to_draw_with(address: str) -> None:
    assert hook(address) == (0, "a dry run, which sends nothing: fine")


@pytest.mark.parametrize("address", [SKETCH + KEYS], indirect=True)
def test_the_hook_sees_that_callers_without_a_key_are_refused(address: str) -> None:
    assert hook(address, HAS_KEYS="1") == (
        0,
        "callers without a key are refused; test.keySecret has one to test more with: fine",
    )


@pytest.mark.parametrize("address", [SKETCH], indirect=True)
def test_the_hook_fails_where_callers_without_a_key_get_in(address: str) -> None:
    status, told = hook(address, HAS_KEYS="1")

    assert status == 1
    assert told.startswith("callers without a key are refused; test.keySecret has one to test more with: 200")


@pytest.mark.parametrize("address", [SKETCH], indirect=True)
def test_the_hook_fails_without_a_picture_and_shows_what_came_instead(address: str) -> None:
    status, told = hook(address, MODEL="no-such-model")

    assert status == 1
    assert told.startswith('a picture of 0 bytes: 400 {"error":')


@pytest.mark.parametrize(
    ("values", "model"), [("sketch", "gpt-image-2"), ("azure", ""), ("openai", ""), ("single", "draft")]
)
def test_the_hook_only_ever_draws_with_what_nobody_pays_for(values: str, model: str) -> None:
    [test] = one(rendered(values), "Pod", "images-imageway-test")["spec"]["containers"]

    assert {entry["name"]: entry.get("value") for entry in test["env"]}["MODEL"] == model
