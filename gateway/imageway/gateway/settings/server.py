"""`server:`, where to listen and what is taken."""

import ipaddress
from typing import Annotated

from msgspec import Meta, Struct

__all__ = ("ServerSettings", "is_loopback")


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to listen, and the largest bodies taken: JSON up to `max_json_bytes`, files up to `max_upload_bytes`.

    Sixteen pictures of 50 MB each are 800 MB; the default takes less, because one process holds an upload in memory.
    No call takes longer than `max_call_s`, however long its caller would wait.
    A stream in which nothing happens for `keep_alive_s` carries a comment, so that no proxy takes it for dead.
    A few kilobytes can claim to be a picture that fills any memory once it is opened. `max_input_pixels` is for each
    picture; the default is where Pillow, which many servers behind this one open pictures with, sees such a bomb.
    `ui` is whether there is a page to try the models with.
    Told to end, the gateway takes calls for `drain_delay_s` more, while load balancers hear of it, and gives those in
    flight `drain_s`; the default is longer than a provider's own timeout, so that what was paid for gets to its caller.
    Every `reload_every_s` seconds it is looked whether the configuration has changed.
    With `metrics_port` the page of metrics is served there, and no longer on `port`.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    allow_unauthenticated: bool = False
    max_json_bytes: Annotated[int, Meta(ge=1)] = 1_048_576
    max_upload_bytes: Annotated[int, Meta(ge=1)] = 268_435_456
    keep_alive_s: Annotated[float, Meta(gt=0)] = 15.0
    max_call_s: Annotated[float, Meta(gt=0)] = 900.0
    reload_every_s: Annotated[float, Meta(gt=0)] = 5.0
    max_input_pixels: Annotated[int, Meta(ge=1)] = 178_956_970
    ui: bool = True
    drain_delay_s: Annotated[float, Meta(ge=0)] = 0.0
    drain_s: Annotated[float, Meta(ge=0)] = 630.0
    metrics_port: Annotated[int, Meta(ge=0, le=65_535)] | None = None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
