"""What tests of the providers have in common."""

import pytest

from imageway.contract.spec import ModelSpec
from imageway.providers.catalogue import load_catalogue


@pytest.fixture(scope="module")
def catalogue() -> dict[str, ModelSpec]:
    return dict(load_catalogue())
