"""providers/README.md says what is true: its files are written down, its commands run, its links lead somewhere."""

import base64
from pathlib import Path

import httpx
import pytest

from documents import Command, blocks, commands, dead_links
from imageway.contract.request import Operation
from imageway.contract.spec import Integer
from imageway.gateway.assembly import assemble
from imageway.gateway.settings import load_settings
from installed_gateway import built_wheel, check, environment_with, gateway_process

README = Path(__file__).resolve().parents[2] / "providers" / "README.md"
EXAMPLE = README.parents[1] / "examples" / "provider-plugin" / "README.md"
BLOCKS = blocks(README)
CONSOLE = [command for block in BLOCKS if block.language == "console" for command in commands(block)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file of the README."""
    folder = tmp_path_factory.mktemp("readme")
    for block in BLOCKS:
        if block.file:
            (folder / block.file).parent.mkdir(exist_ok=True)
            (folder / block.file).write_text(block.text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def environment(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    wheel = built_wheel(folder, tmp_path_factory.mktemp("wheel"))
    return environment_with(wheel, tmp_path_factory.mktemp("site-packages"))


def test_every_block_is_a_file_a_command_or_told_to_be_neither(folder: Path) -> None:
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

    assert files == [
        "gateway-squares.yaml",
        "gateway.yaml",
        "my-models.yaml",
        "pyproject.toml",
        "squares/__init__.py",
        "squares/rows.yaml",
    ]
    assert {block.language for block in BLOCKS} == {"console", "python", "text", "toml", "yaml"}


@pytest.mark.parametrize("command", CONSOLE, ids=[command.line for command in CONSOLE])
def test_a_command_says_what_the_readme_says(command: Command, folder: Path, environment: dict[str, str]) -> None:
    config = command.line.removeprefix("imageway-gateway check --config ")

    assert check(config, environment, folder=folder) == (0, command.told)


def test_the_rows_of_the_models_are_what_their_comments_say(folder: Path) -> None:
    contracts = assemble(load_settings(folder / "gateway.yaml")).registry.contracts

    house = contracts["house-model"].operations
    assert house[Operation.EDIT].params["strength"] == Integer(min=0, max=100, default=60)
    assert "strength" not in house[Operation.GENERATE].params
    assert "moderation" not in house[Operation.GENERATE].params
    assert contracts["wide-model"].operations[Operation.EDIT].params["output_compression"] == Integer(
        min=0, max=100, default=100, only_with={"output_format": ["jpeg"]}, harmless=[100]
    )


def test_a_mistake_in_a_row_is_told_as_the_readme_says(folder: Path, tmp_path: Path) -> None:
    rows = (folder / "my-models.yaml").read_text().replace("  checked:", "  familly: x\n  checked:")
    (tmp_path / "my-models.yaml").write_text(rows)
    (tmp_path / "gateway.yaml").write_text((folder / "gateway.yaml").read_text())

    code, said = check("gateway.yaml", folder=tmp_path)

    sentence = "my-models.yaml:2: openai/house-model: familly: unknown key; did you mean 'family'?"
    assert code == 2
    assert sentence in said
    assert f"`{sentence}`" in README.read_text(encoding="utf-8")


def test_the_provider_draws_squares_and_is_asked_for_no_more_than_its_row_allows(
    folder: Path, environment: dict[str, str]
) -> None:
    with gateway_process(folder / "gateway-squares.yaml", environment) as url:
        drawn = httpx.post(f"{url}/v1/images/generations", json={"prompt": "a square", "n": 3})
        refused = httpx.post(f"{url}/v1/images/generations", json={"prompt": "a square", "n": 4})
        teal = httpx.post(f"{url}/v1/images/generations", json={"model": "teal-square", "prompt": "a square"})
        edited = httpx.get(f"{url}/v1/models/red-square").json()["imageway"]["spec"]["unsupported"]["edit"]

    assert (drawn.status_code, drawn.json()["output_format"], len(drawn.json()["data"])) == (200, "svg", 3)
    assert b'fill="crimson"' in base64.b64decode(drawn.json()["data"][2]["b64_json"])
    assert b'fill="teal"' in base64.b64decode(teal.json()["data"][0]["b64_json"])
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "n")
    assert edited == "Squares are drawn from nothing."


@pytest.mark.parametrize("readme", [README, EXAMPLE], ids=["providers", "example"])
def test_links_lead_to_files_that_are_there(readme: Path) -> None:
    assert dead_links(readme) == []
