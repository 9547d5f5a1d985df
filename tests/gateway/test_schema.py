"""The JSON schema of configurations: what the gateway takes passes, and what it refuses is told where it stands."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from imageway.contract.document import read_document
from imageway.gateway.settings import load_settings
from imageway.gateway.settings.schema import json_schema
from imageway.providers.discovery import known_types

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples" / "gateway").glob("*.yaml"))
EVERYTHING = """
server: {host: 127.0.0.1, port: 0, keep_alive_s: 5}
providers:
  - {name: main, type: openai, api_key: "env:OPENAI_API_KEY", base_url: "http://127.0.0.1:1/v1"}
  - {name: eu, type: azure, endpoint: "https://example.openai.azure.com", api_version: 2025-04-01-preview}
  - {name: paper, type: sketch}
models:
  - {name: gpt-image-2, validation: off, targets: [{provider: paper, model: gpt-image-2, spec: openai/gpt-image-2}]}
default_model: gpt-image-2
keys:
  - name: team
    sha256: [5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5]
    expires: 2030-01-01
    budget_usd_per_day: 0.50
    budget_usd_per_month: 50
budgets: {store: "sqlite:state/budgets.sqlite3"}
limits: {store: "redis://127.0.0.1/1"}
ledger: {store: "sqlite:state/ledger.sqlite3"}
media: {public_url: "https://images.example", signing_key: "env:MEDIA_KEY", store: state/pictures}
"""


def faults(text: str, tmp_path: Path) -> list[tuple[str, str]]:
    """What the schema has against a configuration: the place and the message."""
    config = tmp_path / "gateway.yaml"
    config.write_text(text)
    found = jsonschema.Draft202012Validator(json_schema()).iter_errors(read_document(config).data)
    return sorted((error.json_path, error.message) for error in found)


def test_the_schema_is_a_good_one_whose_names_stay() -> None:
    schema: Any = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)

    assert (schema["$id"], schema["$ref"]) == ("urn:imageway:gateway:configuration", "#/$defs/File")
    assert {"File", "KeySettings", "ModelSettings", "provider_azure", "provider_openai", "provider_sketch"} <= set(
        schema["$defs"]
    )
    assert schema["$defs"]["File"]["properties"]["providers"]["items"]["properties"]["type"]["enum"] == sorted(
        known_types()
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_passes(example: Path, tmp_path: Path) -> None:
    assert faults(example.read_text(), tmp_path) == []


def test_what_the_gateway_takes_passes(tmp_path: Path) -> None:
    assert faults(EVERYTHING, tmp_path) == []
    load_settings(tmp_path / "gateway.yaml")


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("port: 0", "prot: 0", ("$.server", "Additional properties are not allowed ('prot' was unexpected)")),
        (
            "base_url:",
            "baseurl:",
            ("$.providers[0]", "Additional properties are not allowed ('baseurl' was unexpected)"),
        ),
        ("type: sketch", "type: sktch", ("$.providers[2].type", "'sktch' is not one of ['azure', 'openai', 'sketch']")),
        ("name: paper, ", "", ("$.providers[2]", "'name' is a required property")),
        ("port: 0", "port: 65536", ("$.server.port", "65536 is greater than the maximum of 65535")),
    ],
)
def test_what_the_gateway_refuses_is_told_where_it_stands(
    before: str, after: str, fault: tuple[str, str], tmp_path: Path
) -> None:
    assert fault in faults(EVERYTHING.replace(before, after), tmp_path)
