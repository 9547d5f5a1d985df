"""What every test has."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, through the plugin that the server framework brings along."""
    return "asyncio"
