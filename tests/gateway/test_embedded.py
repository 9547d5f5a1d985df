"""The gateway inside the caller's process."""

import asyncio
from pathlib import Path

import httpx
import pytest

from imageway.gateway.embedded import open_gateway
from imageway.gateway.settings import SettingsError


async def models(**options: object) -> list[str]:
    async with (
        open_gateway(**options) as app,  # type: ignore[arg-type]  # the cases choose
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://embedded") as client,
    ):
        return [card["id"] for card in (await client.get("/v1/models")).json()["data"]]


def test_without_a_word_it_draws_with_sketch() -> None:
    assert len(asyncio.run(models())) == 19


def test_a_configuration_says_what_there_is(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(
        "providers: [{name: paper, type: sketch}]\n"
        "models: [{name: mine, contract: openai/gpt-image-2, targets: [{provider: paper, model: x}]}]\n"
    )

    assert asyncio.run(models(config=config)) == ["mine"]


def test_a_vendor_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    with pytest.raises(SettingsError, match="OPENAI_API_KEY is not set"):
        asyncio.run(models(provider="openai"))


def test_a_vendors_models_carry_its_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk")

    names = asyncio.run(models(provider="openai"))

    assert len(names) == 11
    assert "gpt-image-2" in names


def test_what_its_user_raises_comes_out_as_it_is() -> None:
    async def failing() -> None:
        async with open_gateway():
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        asyncio.run(failing())
