"""The example plugin as a stranger gets it: a wheel, installed beside a gateway that knows nothing of it."""

import base64
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from imageway.contract.sniff import sniff
from installed_gateway import built_wheel, check, environment_with, gateway_process

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "provider-plugin"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example's folder: nothing is written into this one."""
    folder = tmp_path_factory.mktemp("example") / "provider-plugin"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".venv", "__pycache__", "dist", ".*_cache"))
    return folder


@pytest.fixture(scope="module")
def wheel(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(example, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return environment_with(wheel, tmp_path_factory.mktemp("site-packages"), EASEL_API_KEY="test-key")


@pytest.fixture(scope="module")
def easel_service() -> ModuleType:
    """The example's module of the made-up service."""
    spec = importlib.util.spec_from_file_location("easel_service", EXAMPLE / "easel_service.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def service(easel_service: ModuleType) -> Iterator[Any]:
    with easel_service.painting() as service:
        yield service


@pytest.fixture
def config(example: Path, service: Any, tmp_path: Path) -> Path:
    """The example's own gateway.yaml, with the port of this test's service."""
    path = tmp_path / "gateway.yaml"
    text = (example / "gateway.yaml").read_text(encoding="utf-8")
    assert "http://127.0.0.1:9300" in text
    path.write_text(text.replace("http://127.0.0.1:9300", service.url), encoding="utf-8")
    return path


def generate(url: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{url}/v1/images/generations", json={"model": "easel-2", "prompt": "a teal teapot", **body})


def test_the_wheel_brings_the_rows_the_types_and_the_entry_point(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert sorted(archive.namelist()) == [
            "imageway_easel-0.1.0.dist-info/METADATA",
            "imageway_easel-0.1.0.dist-info/RECORD",
            "imageway_easel-0.1.0.dist-info/WHEEL",
            "imageway_easel-0.1.0.dist-info/entry_points.txt",
            "imageway_easel/__init__.py",
            "imageway_easel/catalogue.yaml",
            "imageway_easel/errors.py",
            "imageway_easel/provider.py",
            "imageway_easel/py.typed",
        ]


def test_the_examples_own_configuration_is_fine_as_its_readme_says(example: Path, environment: dict[str, str]) -> None:
    said = "gateway.yaml: fine, 2 models\n"

    assert check("gateway.yaml", environment, folder=example) == (0, said)
    assert f"$ imageway-gateway check --config gateway.yaml\n{said}" in (example / "README.md").read_text(
        encoding="utf-8"
    )


def test_the_service_draws_for_callers_who_speak_openais_dialect(
    config: Path, environment: dict[str, str], service: Any
) -> None:
    with gateway_process(config, environment) as url:
        models = httpx.get(f"{url}/v1/models").json()
        reply = generate(url, n=2, size="1152x768", seed=7)

    assert [model["id"] for model in models["data"]] == ["easel-2", "easel-2-draft"]
    assert reply.status_code == 200
    assert reply.headers["imageway-target"] == "studio/easel-2"
    assert service.requests == [
        {"engine": "easel-2", "text": "a teal teapot", "count": 2, "width": 1152, "height": 768, "seed": 7}
    ]
    answer = reply.json()
    assert answer["size"] == "1152x768"
    facts = [sniff(base64.b64decode(picture["b64_json"])) for picture in answer["data"]]
    assert [(fact.format, fact.width_px, fact.height_px) for fact in facts] == [("png", 1152, 768)] * 2


def test_what_the_rows_refuse_never_reaches_the_service(
    config: Path, environment: dict[str, str], service: Any
) -> None:
    with gateway_process(config, environment) as url:
        reply = generate(url, n=5, quality="high")

    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["message"] == (
        "Unknown parameter: 'quality'. Parameters here: 'n', 'prompt', 'seed', and 'size'."
        " Also at fault: n: Invalid 'n': integer above maximum value. Expected a value <= 4, but got 5 instead."
    )
    assert error["imageway"]["violations"][1]["accepted_by"] == ["easel-2-draft"]
    assert service.requests == []


def test_an_error_of_the_service_is_told_in_the_gateways_words(
    config: Path, environment: dict[str, str], service: Any
) -> None:
    with gateway_process(config, environment) as url:
        reply = generate(url, prompt="a weapon")
        service.key = "another key"
        refused_key = generate(url)

    error = reply.json()["error"]
    assert (reply.status_code, error["param"], error["code"]) == (400, "prompt", "text_refused")
    assert error["imageway"]["code"] == "content_rejected"
    assert error["message"] == "The text asks for what Easel doesn't paint."
    assert refused_key.status_code == 502
    assert "operator" in refused_key.json()["error"]["message"]
    assert len(service.requests) == 2


def test_an_operators_overlay_lies_on_top_of_the_plugins_rows(
    config: Path, environment: dict[str, str], service: Any
) -> None:
    (config.parent / "own.yaml").write_text(
        "easel/easel-2: {extends: easel-2, operations: {generate: {params: {n: {max: 1}}}}}\n"
    )
    config.write_text(config.read_text() + "catalogue: [own.yaml]\n")

    with gateway_process(config, environment) as url:
        reply = generate(url, n=2)

    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == "n"
    assert service.requests == []


def test_a_wrong_key_of_the_plugins_configuration_is_told_with_its_place(
    config: Path, environment: dict[str, str]
) -> None:
    config.write_text(config.read_text().replace("base_url:", "base_ulr:"))

    code, told = check("gateway.yaml", environment, folder=config.parent)

    assert code == 2
    assert "gateway.yaml:5:5 error[unknown-key]" in told
    assert "base_url" in told


def test_a_missing_library_of_the_plugin_is_one_sentence(config: Path, environment: dict[str, str]) -> None:
    code, told = check(
        "gateway.yaml", environment, folder=config.parent, before="import sys; sys.modules['httpx'] = None"
    )

    assert code == 2
    assert told.splitlines()[0] == (
        "gateway.yaml:3:5 error[missing-extra] provider type 'easel' needs the module 'httpx':"
        " pip install 'imageway-easel'"
    )
    assert "Traceback" not in told


def test_the_examples_own_tests_pass_against_the_installed_wheel(example: Path, environment: dict[str, str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=example,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout
