"""What a `store:` in the configuration names: a file, or a Redis's address, openly or by reference."""

import importlib.util
from collections.abc import Mapping
from os import environ as process_environ
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from imageway.contract.secret_reference import SecretError, resolve_secret

__all__ = ("StoreError", "store_place")

_REDIS = ("redis://", "rediss://", "unix://")


class StoreError(Exception):
    """A store that can't be used; the sentence is for the operator and holds no address behind a reference."""


def store_place(
    key: str, store: str, base_dir: Path, environ: Mapping[str, str] = process_environ, *, instead: str = "sqlite:FILE"
) -> Path | str:
    """The SQLite file that *store* names, relative to *base_dir*, or the address of its Redis.

    *key* is what the configuration calls it, *instead* what else may stand there. Raises `StoreError`, also where the
    package for Redis is missing.
    """
    if instead == "sqlite:FILE" and store.startswith("sqlite:") and store != "sqlite:":
        return (base_dir / store.removeprefix("sqlite:")).absolute()
    if store.startswith(_REDIS):
        address = urlsplit(store)
        if address.password or "password" in parse_qs(address.query):
            raise StoreError(
                f"{key} has a password in it; put the whole address into an environment variable or a file, and say"
                " env:NAME or file:PATH"
            )
        referred = store
    elif store.startswith(("env:", "file:")):
        try:
            referred = resolve_secret(store, environ)
        except SecretError as error:
            raise StoreError(f"{key}: {error}") from error
        if not referred.startswith(_REDIS):
            raise StoreError(f"{key}: what stands behind {store} is no redis:// or rediss:// address")
    else:
        raise StoreError(
            f"{key} is '{store}', but must be {instead}, redis://HOST:PORT/DATABASE, rediss://..., or a reference to"
            " such a Redis address: env:NAME or file:PATH"
        )
    if importlib.util.find_spec("redis") is None:
        raise StoreError(f"{key} is a Redis, which needs the package 'redis': pip install 'imageway[redis]'")
    return referred
