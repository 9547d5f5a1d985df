"""What no test of the SDK may see of its surroundings."""

import pytest


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IMAGEWAY_GATEWAY_URL", "IMAGEWAY_API_KEY", "CI", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
