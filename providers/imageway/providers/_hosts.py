"""Whose host an address names."""

from collections.abc import Iterable
from urllib.parse import urlsplit

__all__ = ("is_below",)


def is_below(url: str, domains: Iterable[str]) -> bool:
    """Whether the host of *url* is one of *domains* or a subdomain of one; what is no address is below none."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    return any(f".{host}".endswith(f".{domain}") for domain in domains)
