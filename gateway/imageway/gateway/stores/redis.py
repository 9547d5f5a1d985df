"""Connections to the Redis of a store, and whether it can be relied on."""

import logging

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from imageway.gateway.stores.place import StoreError

__all__ = ("check_keeps", "redis_client", "unusable")

_log = logging.getLogger(__name__)


def redis_client(what: str, url: str, *, timeout_s: float) -> Redis:
    """A client that has connected to nothing yet; *timeout_s* is for connecting, and for each read and write.

    Whatever it is told to do may arrive twice. Raises `StoreError` where *url* is no address.
    """
    try:
        return Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            # Once more, for a connection that has died in the pool.
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError as error:
        raise StoreError(f"{what}'s address is no redis://HOST:PORT/DATABASE or rediss://...") from error


async def check_keeps(what: str, client: Redis, *, otherwise: str) -> None:
    """Raises `StoreError` where there is no Redis, or one that may forget a key to make room, so that *otherwise*."""
    try:
        memory = await client.info("memory")
        persistence = await client.info("persistence")
    except (RedisError, OSError) as error:
        raise unusable(what, error) from error
    policy = memory.get("maxmemory_policy", "noeviction")
    if memory.get("maxmemory") and policy != "noeviction":
        raise StoreError(
            f"the Redis of {what} may forget keys when its memory is full (maxmemory-policy is {policy}), and"
            f" {otherwise}; set maxmemory-policy to noeviction"
        )
    if not persistence.get("aof_enabled"):
        _log.warning("store.redis_not_durable: a Redis without appendonly forgets %s when it is restarted", what)


def unusable(what: str, error: Exception) -> StoreError:
    """*error* without the library's words: they may hold the address, and that the password."""
    return StoreError(f"{what}'s Redis can't be used ({type(error).__name__})")
