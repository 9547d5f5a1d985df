"""Plugins of other distributions: found by their entry points, and every fault of theirs a sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imageway.gateway.assembly import assemble
from imageway.gateway.settings import SettingsError, load_settings
from imageway.providers.discovery import known_types, load_plugin, missing_extra

GOOD = """
from msgspec import Struct
from imageway.providers.protocol import ProviderPlugin

class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass

def build(config):
    import a_library_that_nobody_has

plugin = ProviderPlugin(config_type=Config, build=build, extra={extra!r})
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Installs the distribution `wall-paint` with a module of this text and an entry point; tells the provider type.

    Each test has a module of its own, for a module that was imported once stays imported.
    """
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(name: str, text: str) -> str:
        (site / f"wall_paint_{name}.py").write_text(text)
        metadata = site / "wall_paint-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: wall-paint\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[imageway.providers]\npaint = wall_paint_{name}:plugin\n")
        return "paint"

    return install


def start(folder: Path) -> list[str]:
    """What a gateway with this provider has against its configuration."""
    path = folder / "gateway.yaml"
    path.write_text("providers: [{name: wall, type: paint}]\n")
    with pytest.raises(SettingsError) as caught:
        assemble(load_settings(path))
    return [issue.render() for issue in caught.value.issues]


def first_line(told: list[str]) -> str:
    assert len(told) == 1
    return told[0].splitlines()[0]


def test_a_plugin_is_known_by_its_entry_point_without_being_imported(installed: Callable[[str, str], str]) -> None:
    type_ = installed("unread", "raise RuntimeError('imported')")

    assert type_ in known_types()
    with pytest.raises(RuntimeError, match="imported"):
        load_plugin(type_)


@pytest.mark.parametrize(
    ("extra", "remedy"),
    [("oil", "pip install 'wall-paint[oil]'"), (None, "pip install 'wall-paint'")],
    ids=["extra", "no-extra"],
)
def test_a_library_that_is_missing_at_build_is_told_with_the_plugins_own_distribution(
    installed: Callable[[str, str], str], tmp_path: Path, extra: str | None, remedy: str
) -> None:
    installed(f"build_{extra}", GOOD.format(extra=extra))

    assert first_line(start(tmp_path)) == (
        f"{tmp_path}/gateway.yaml:1:13 error[missing-extra] provider type 'paint' needs the module"
        f" 'a_library_that_nobody_has': {remedy}"
    )


FAULTY = {
    "missing-library": (
        "import a_library_that_nobody_has",
        "provider type 'paint' needs the module 'a_library_that_nobody_has': pip install 'wall-paint'",
    ),
    "old-library": (
        "raise ImportError('the library is too old')",
        "provider type 'paint' can't import what it needs (the library is too old): pip install 'wall-paint'",
    ),
    "nothing-there": (
        "plug_in = None",
        "the entry point 'paint' in imageway.providers names 'wall_paint_nothing_there:plugin', which isn't there",
    ),
    "no-plugin": (
        "plugin = print",
        "the entry point 'paint' in imageway.providers names 'wall_paint_no_plugin:plugin', which is no ProviderPlugin",
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_plugin_that_cannot_be_loaded_is_told_with_its_place(
    installed: Callable[[str, str], str], tmp_path: Path, name: str
) -> None:
    text, sentence = FAULTY[name]
    installed(name.replace("-", "_"), text)

    assert first_line(start(tmp_path)) == f"{tmp_path}/gateway.yaml:1:32 error[plugin] {sentence}"


def test_a_type_without_a_distribution_is_told_as_far_as_is_known() -> None:
    cause = ModuleNotFoundError("No module named 'ink'", name="ink")

    assert str(missing_extra("homemade", None, cause)) == (
        "provider type 'homemade' needs the module 'ink': install what it needs"
    )
