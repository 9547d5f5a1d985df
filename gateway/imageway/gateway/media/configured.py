"""The `media` part of a configuration to a picture store."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from imageway.contract.secret_reference import SecretError, resolve_secret
from imageway.gateway.media.store import MediaStore
from imageway.gateway.settings import MediaSettings

__all__ = ("configured_store", "media_faults")

_LEAST_KEY_BYTES = 32


def configured_store(settings: MediaSettings) -> MediaStore:
    """The store that *settings*, of which `media_faults` finds none, describe. Its directory is made when needed."""
    return MediaStore(
        Path(settings.store),
        public_url=settings.public_url,
        signing_key=resolve_secret(settings.signing_key).encode(),
        ttl_s=settings.ttl_s,
        max_bytes=settings.max_bytes,
    )


def media_faults(settings: MediaSettings) -> Iterator[tuple[str, str]]:
    """What is wrong with *settings*: keys, each with a sentence. Makes and changes nothing."""
    if not _is_address(settings.public_url):
        yield (
            "public_url",
            "media.public_url must be the address at which callers reach this gateway, like https://images.example,"
            f" but it is '{settings.public_url}'",
        )
    try:
        key = resolve_secret(settings.signing_key).encode()
    except SecretError as error:
        yield "signing_key", f"media.signing_key: {error}"
    else:
        if len(key) < _LEAST_KEY_BYTES:
            yield (
                "signing_key",
                f"media.signing_key leads to {len(key)} bytes; links need at least {_LEAST_KEY_BYTES} that nobody can"
                " guess, as 'openssl rand -hex 32' makes them",
            )
    yield from (("store", f"media.store {fault}") for fault in _directory_faults(Path(settings.store).absolute()))


def _directory_faults(directory: Path) -> Iterator[str]:
    try:
        nearest = next(path for path in (directory, *directory.parents) if path.exists())
    except OSError as error:
        yield f"can't be looked at: {error.strerror}"
        return
    if not nearest.is_dir():
        yield f"must be a directory, but '{nearest}' is a file"
    elif not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        yield f"must be writable, but this user may not write to '{nearest}'"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or parts.username or parts.password) and url.isprintable()
    return parts.scheme in ("http", "https") and bool(parts.hostname) and plain and " " not in url
