"""A provider whose library isn't installed: one clear sentence that names the extra, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# None in sys.modules is how Python itself marks a module that isn't to be had.
PROGRAM = """
import sys
sys.modules[sys.argv[1]] = None
from imageway.gateway.__main__ import main
sys.exit(main(["check", "--config", sys.argv[2]]))
"""


@pytest.mark.parametrize(
    ("provider", "missing", "extra"),
    [
        ("type: openai", "openai", "openai"),
        ("type: azure", "openai", "azure"),
        ("type: azure, auth: entra", "azure.identity.aio", "azure"),
        ("type: sketch", "PIL", "gateway"),
    ],
    ids=["openai", "azure", "azure-entra", "sketch"],
)
def test_a_missing_extra_is_one_sentence_that_names_it(tmp_path: Path, provider: str, missing: str, extra: str) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"providers: [{{name: a, {provider}}}]\n")
    environment = {
        "OPENAI_API_KEY": "a",
        "AZURE_OPENAI_API_KEY": "a",
        "AZURE_OPENAI_ENDPOINT": "https://example.openai.azure.com",
    }

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, missing, str(config)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )

    type_ = provider.removeprefix("type: ").partition(",")[0]
    assert ran.returncode == 2
    assert ran.stderr.splitlines()[0] == (
        f"{config}:1:13 error[missing-extra] provider type '{type_}' needs the module '{missing}':"
        f" pip install 'imageway[{extra}]'"
    )
    assert "Traceback" not in ran.stderr
