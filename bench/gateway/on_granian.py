"""The gateway's application for another server than its own, to compare the two."""

import os
from pathlib import Path

from litestar import Litestar

from imageway.gateway.allocator import keep_freed_memory
from imageway.gateway.app import create_app
from imageway.gateway.settings import load_settings


def application() -> Litestar:
    keep_freed_memory()
    return create_app(load_settings(Path(os.environ["IMAGEWAY_CONFIG"])))
