"""Secrets in configurations are references, `env:NAME` or `file:PATH`, never values."""

import os
from collections.abc import Mapping
from pathlib import Path

__all__ = ("SecretError", "resolve_secret")


class SecretError(ValueError):
    """A reference that leads nowhere; the message never holds the secret."""


def resolve_secret(reference: str, environ: Mapping[str, str] = os.environ) -> str:
    """The secret behind *reference*, without white space around it. Raises `SecretError` where there is none."""
    scheme, _, place = reference.partition(":")
    match scheme:
        case "env" if place:
            secret = environ.get(place, "").strip()
            if not secret:
                raise SecretError(f"the environment variable {place} is not set")
        case "file" if place:
            try:
                secret = Path(place).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SecretError(f"the secret file {place} can't be read ({type(error).__name__})") from error
            if not secret:
                raise SecretError(f"the secret file {place} is empty")
        case _:
            raise SecretError("a secret must be a reference, 'env:NAME' or 'file:PATH', never the value itself")
    if not (secret.isascii() and secret.isprintable()):
        raise SecretError(f"the secret behind {reference} holds signs that no key has (line breaks, non-ASCII)")
    return secret
