"""Catalogue rows that come with plugins: between the built-in ones and the operator's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct

from imageway.contract.request import ImageRequest, Operation
from imageway.contract.result import ImageResult
from imageway.contract.spec import Integer
from imageway.gateway.assembly import assemble
from imageway.gateway.settings import ProviderSettings, Settings, SettingsError
from imageway.providers.catalogue import CatalogueError, load_catalogue
from imageway.providers.protocol import ImageProvider, ProviderPlugin

HOUSE = "house/one: {extends: openai/gpt-image-2, params: {n: {max: 4}}}\nhouse/two: {extends: one}\n"


@pytest.fixture
def rows(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


class NoConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Idle:
    async def create(self, upstream_model: str, request: ImageRequest) -> ImageResult:
        raise NotImplementedError

    async def aclose(self) -> None:
        return


def build(_: NoConfig) -> ImageProvider:
    return Idle()


def configured(*catalogues: Path | None, overlays: tuple[Path, ...] = ()) -> Settings:
    """One provider of kind `house` for each of *catalogues*."""
    return Settings(
        providers=tuple(
            ProviderSettings(
                name=f"house-{number}",
                type="house",
                plugin=ProviderPlugin(config_type=NoConfig, build=build, kind="house", catalogue=catalogue),
                config=NoConfig(),
            )
            for number, catalogue in enumerate(catalogues)
        ),
        catalogue_overlays=overlays,
    )


def most(spec_name: str, settings: Settings) -> int:
    """The largest `n` that the contract of that name takes."""
    n = assemble(settings).registry.contracts[spec_name].operations[Operation.GENERATE].params["n"]
    assert isinstance(n, Integer)
    return n.max


def test_a_plugins_rows_extend_built_in_ones_and_each_other(rows: Callable[[str, str], Path]) -> None:
    settings = configured(rows("house.yaml", HOUSE))

    assert list(assemble(settings).registry.contracts) == ["one", "two"]
    assert most("two", settings) == 4


def test_an_operators_row_replaces_a_plugins_and_may_extend_it(rows: Callable[[str, str], Path]) -> None:
    own = rows("own.yaml", "house/one: {extends: one, params: {n: {max: 2}}}\n")
    settings = configured(rows("house.yaml", HOUSE), overlays=(own,))

    assert most("one", settings) == 2
    assert most("two", settings) == 4


def test_two_providers_of_one_plugin_share_its_rows(rows: Callable[[str, str], Path]) -> None:
    house = rows("house.yaml", HOUSE)

    assert list(assemble(configured(house, house)).registry.contracts) == ["one", "two"]


def test_rows_of_plugins_that_are_not_configured_are_not_there() -> None:
    assert not any(name.startswith("house/") for name in load_catalogue())


@pytest.mark.parametrize("name", ["openai/gpt-image-2", "house/one"], ids=["built-in", "another-plugin's"])
def test_a_plugins_row_replaces_none(rows: Callable[[str, str], Path], name: str) -> None:
    house = rows("house.yaml", HOUSE)
    bold = rows("bold.yaml", f"{name}: {{extends: openai/gpt-image-1}}\n")

    with pytest.raises(CatalogueError) as caught:
        load_catalogue(of_plugins=[house, bold])

    assert caught.value.problems == (
        f"{bold}:1: {name}: there is a row of this name already, and a plugin's rows replace none",
    )


def test_a_fault_in_a_plugins_rows_stops_the_gateway_with_its_line(rows: Callable[[str, str], Path]) -> None:
    house = rows("house.yaml", "house/one: {extends: openai/gpt-image-2, familly: x}\n")

    with pytest.raises(SettingsError) as caught:
        assemble(configured(house))

    assert [issue.message for issue in caught.value.issues] == [
        f"{house}:1: house/one: familly: unknown key; did you mean 'family'?"
    ]


def test_a_plugin_whose_file_is_missing_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone.yaml"

    with pytest.raises(CatalogueError) as caught:
        load_catalogue(of_plugins=[gone])

    assert caught.value.problems == (f"{gone}: cannot be read: [Errno 2] No such file or directory: '{gone}'",)
