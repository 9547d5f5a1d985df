"""`media:` in a configuration: what it builds, and its problems with their places."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from fakes.media_stores import parts
from imageway.contract.request import Operation
from imageway.contract.spec import ModelSpec
from imageway.gateway.assembly import assemble
from imageway.gateway.media.need import needs_media
from imageway.gateway.settings import MediaSettings, SettingsError, load_settings
from imageway.providers.catalogue import find, load_catalogue
from pictures import picture

PROVIDERS = "providers: [{name: s, type: sketch}]\n"


def problems(directory: Path, media: str) -> list[str]:
    path = directory / "gateway.yaml"
    path.write_text(PROVIDERS + media)
    with pytest.raises(SettingsError) as caught:
        assemble(load_settings(path))
    return [f"{issue.line}:{issue.column} {issue.message}" for issue in caught.value.issues]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIA_KEY", "k" * 32)
    monkeypatch.setenv("SHORT_KEY", "k" * 31)
    monkeypatch.delenv("NO_KEY", raising=False)


def test_without_it_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(PROVIDERS)

    assert assemble(load_settings(tmp_path / "gateway.yaml")).media is None


def test_the_store_lies_beside_the_configuration_and_is_made_when_needed(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(
        PROVIDERS + "media: {public_url: 'https://images.example/ai/', signing_key: 'env:MEDIA_KEY', store: state/pics}"
    )

    settings = load_settings(tmp_path / "gateway.yaml")
    media = assemble(settings).media

    assert settings.media == MediaSettings(
        public_url="https://images.example/ai/",
        signing_key="env:MEDIA_KEY",
        store=str(tmp_path / "state/pics"),
        ttl_s=3600,
        max_bytes=10_000_000_000,
    )
    assert media is not None
    assert not (tmp_path / "state").exists()
    link = asyncio.run(media.keep(picture()))
    assert link.startswith("https://images.example/ai/files/")
    assert [path.name for path in (tmp_path / "state/pics").iterdir()] == [link.split("/")[-1].split("?")[0]]


def test_time_and_room_are_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_text(
        PROVIDERS + f"media: {{public_url: 'http://[::1]:80', signing_key: 'env:MEDIA_KEY', store: {tmp_path / 'p'},"
        " ttl_s: 100, max_bytes: 99}"
    )
    media = assemble(load_settings(tmp_path / "gateway.yaml")).media
    assert media is not None

    async def kept_for_s() -> int:
        return (await media.find(*parts(await media.keep(b"x" * 99)))).left_s

    assert 90 <= asyncio.run(kept_for_s()) <= 100
    assert media.used_bytes == 99


def test_every_problem_is_told_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    found = problems(
        tmp_path,
        """\
media:
  public_url: images.example
  signing_key: env:SHORT_KEY
  store: file/pictures
""",
    )

    assert found == [
        "3:15 media.public_url must be the address at which callers reach this gateway, like https://images.example,"
        " but it is 'images.example'",
        "4:16 media.signing_key leads to 31 bytes; links need at least 32 that nobody can guess, as 'openssl rand -hex"
        " 32' makes them",
        f"5:10 media.store must be a directory, but '{tmp_path / 'file'}' is a file",
    ]


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ("env:NO_KEY", "media.signing_key: the environment variable NO_KEY is not set"),
        ("plain-text-key", "media.signing_key: a secret must be a reference, 'env:NAME' or 'file:PATH', never the"),
    ],
)
def test_a_key_that_is_not_there_is_told(tmp_path: Path, reference: str, problem: str) -> None:
    [found] = problems(
        tmp_path, f"media: {{public_url: 'https://images.example', signing_key: '{reference}', store: pictures}}"
    )

    assert problem in found
    assert "plain-text-key" not in found


@pytest.mark.parametrize(
    "url",
    ["ftp://images.example", "https://", "https://u:p@images.example", "https://images.example?x=1",
     "https://images.example#x", "https://images.example:port", "https://[::1", "https://images .example", ""],
)  # fmt: skip
def test_an_address_that_makes_no_links_is_told(tmp_path: Path, url: str) -> None:
    [found] = problems(tmp_path, f"media: {{public_url: '{url}', signing_key: 'env:MEDIA_KEY', store: pictures}}")

    assert found.startswith("2:21 media.public_url must be the address at which callers reach this gateway, ")


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("store: pictures, ttl_s: 0", "media.ttl_s"),
        ("store: pictures, ttl_s: 2592001", "media.ttl_s"),
        ("store: pictures, max_bytes: 0", "media.max_bytes"),
        ("store: ''", "media.store"),
        ('store: "a\\0b"', "media.store"),
        ("stores: pictures", "stores"),
    ],
)
def test_values_that_make_no_sense_are_told(tmp_path: Path, rest: str, problem: str) -> None:
    found = problems(tmp_path, f"media: {{public_url: 'https://images.example', signing_key: 'env:MEDIA_KEY', {rest}}}")

    assert any(problem in message for message in found)


def spec(name: str) -> ModelSpec:
    kind, _, model = name.partition("/")
    found = find(load_catalogue(), kind, model)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("contract", "targets", "needed"),
    [
        ("openai/dall-e-2", ["openai/dall-e-2"], False),
        ("openai/dall-e-3", ["openai/gpt-image-2"], True),
        ("openai/dall-e-3", ["openai/dall-e-3", "openai/gpt-image-2"], True),
        ("openai/gpt-image-1", ["openai/gpt-image-2"], False),
        ("openai/gpt-image-1", ["openai/dall-e-3"], False),
        ("openai/dall-e-2", [], False),
    ],
)
def test_links_that_no_target_gives_need_a_store(contract: str, targets: list[str], needed: bool) -> None:
    specs = [spec(target) for target in targets]

    assert needs_media(spec(contract), specs, loopback=False) is needed
    assert needs_media(spec(contract), specs, loopback=True) is False


def test_a_link_that_must_be_asked_for_is_promised_too() -> None:
    contract = spec("openai/dall-e-3")
    drawing = contract.operations[Operation.GENERATE]
    on_request = replace(
        contract, operations={Operation.GENERATE: replace(drawing, output=replace(drawing.output, default="b64_json"))}
    )
    by_default = replace(
        contract,
        operations={
            Operation.GENERATE: replace(
                drawing, params={name: param for name, param in drawing.params.items() if name != "response_format"}
            )
        },
    )

    assert needs_media(on_request, [spec("openai/gpt-image-2")], loopback=False)
    assert needs_media(by_default, [spec("openai/gpt-image-2")], loopback=False)


def test_an_operation_that_a_target_lacks_is_no_reason() -> None:
    target = replace(spec("openai/gpt-image-2"), operations={})

    assert not needs_media(spec("openai/dall-e-3"), [target], loopback=False)
