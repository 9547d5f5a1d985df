"""`media:`, `budgets:` and `limits:`, where the gateway keeps things."""

from typing import Annotated

from msgspec import Meta, Struct

__all__ = ("BudgetSettings", "LimitSettings", "MediaSettings")


class MediaSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where pictures behind links are kept, and how callers reach them.

    `public_url` is this gateway's address as callers see it, `signing_key` a reference to 32 bytes or more, and `store`
    a directory: in the file relative to the file, in `Settings` a path as it is. Replicas that are to serve each
    other's links share all three.
    """

    public_url: str
    signing_key: str
    store: Annotated[str, Meta(pattern=r"^[^\x00]+$")]
    ttl_s: Annotated[int, Meta(ge=1, le=2_592_000)] = 3600
    max_bytes: Annotated[int, Meta(ge=1)] = 10_000_000_000


class BudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is kept what keys have spent.

    `store` is `sqlite:FILE`, relative to the configuration, for one process; or a Redis for several, `redis://` or
    `rediss://`, where a password must come by reference: `env:NAME` or `file:PATH`, which hold the whole address.
    """

    store: str = "sqlite:state/budgets.sqlite3"


class LimitSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where requests, images and calls in flight are counted: in `memory`, or in a Redis for all replicas together."""

    store: str = "memory"
