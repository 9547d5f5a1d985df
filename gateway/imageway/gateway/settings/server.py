"""`server:`, where to listen and what is taken."""

import ipaddress
from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = ("ServerSettings", "is_loopback")


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where to listen, and the largest bodies taken: JSON up to `max_json_bytes`, files up to `max_upload_bytes`.

    Bodies and answers on their way through are in memory up to `max_memory_bytes` in all, and beyond that in files in
    `spool_dir` (by default where temporary files are) up to `spool_bytes`. What finds no room, and more than
    `max_calls_in_flight` calls, are refused before they are read. Sixteen pictures of 50 MB each may come at once.
    An answer of more than `max_answer_bytes` is broken off: twice what ten of the largest pictures make.
    No call takes longer than `max_call_s`, however long its caller would wait.
    A stream in which nothing happens for `keep_alive_s` carries a comment, so that no proxy takes it for dead.
    A caller who lets half a megabyte of its answer lie for `send_timeout_s` is left.
    A few kilobytes can claim to be a picture that fills any memory once it is opened. `max_input_pixels` is for each
    picture; the default is where Pillow, which many servers behind this one open pictures with, sees such a bomb.
    `ui` is whether there is a page to try the models with.
    Told to end, the gateway takes calls for `drain_delay_s` more, while load balancers hear of it, and gives those in
    flight `drain_s`; the default is longer than a provider's own timeout, so that what was paid for gets to its caller.
    It is ready while `every_model` has a target that can serve, or while `any_model` has.
    Every `reload_every_s` seconds it is looked whether the configuration has changed.
    With `metrics_port` the page of metrics is served there, and no longer on `port`.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    allow_unauthenticated: bool = False
    max_json_bytes: Annotated[int, Meta(ge=1)] = 1_048_576
    max_upload_bytes: Annotated[int, Meta(ge=1)] = 850_000_000
    max_answer_bytes: Annotated[int, Meta(ge=1_048_576)] = 1_000_000_000
    max_memory_bytes: Annotated[int, Meta(ge=1_048_576)] = 134_217_728
    spool_bytes: Annotated[int, Meta(ge=0)] = 4_294_967_296
    spool_dir: str | None = None
    max_calls_in_flight: Annotated[int, Meta(ge=1)] = 256
    keep_alive_s: Annotated[float, Meta(gt=0)] = 15.0
    send_timeout_s: Annotated[float, Meta(gt=0)] = 60.0
    max_call_s: Annotated[float, Meta(gt=0)] = 900.0
    reload_every_s: Annotated[float, Meta(gt=0)] = 5.0
    max_input_pixels: Annotated[int, Meta(ge=1)] = 178_956_970
    ui: bool = True
    drain_delay_s: Annotated[float, Meta(ge=0)] = 0.0
    drain_s: Annotated[float, Meta(ge=0)] = 630.0
    ready_when: Literal["every_model", "any_model"] = "every_model"
    metrics_port: Annotated[int, Meta(ge=0, le=65_535)] | None = None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
