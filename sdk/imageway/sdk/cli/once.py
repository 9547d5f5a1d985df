"""`imageway generate` and `edit`: one call without a task, refused before it is sent or paid for once."""

import asyncio
import os
import secrets
from pathlib import Path

from msgspec import Struct

from imageway.contract.errors import ErrorCode, ImageError, UnsupportedError, Violation
from imageway.contract.request import ImageFormat, ImageRequest, JsonValue, Operation
from imageway.contract.result import ImageResult
from imageway.contract.sniff import sniff
from imageway.contract.wire import typed_form
from imageway.sdk.cli.gateway import open_client
from imageway.sdk.cli.talk import Exit, GiveUpError, put, put_json, say
from imageway.sdk.client import AsyncClient
from imageway.sdk.connecting import GatewayChoice
from imageway.sdk.errors import GatewayUnreachableError
from imageway.sdk.foresight import Foresight
from imageway.sdk.money import shown_usd
from imageway.sdk.pictures import loaded_picture
from imageway.sdk.pipeline.files.sink import atomic_file

__all__ = ("Asked", "draw_once")


class Asked(Struct, frozen=True, kw_only=True):
    """What the command line asks for; `params` are NAME=VALUE."""

    operation: Operation
    model: str
    prompt: str
    params: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    mask: str | None = None


async def draw_once(
    asked: Asked, choice: GatewayChoice, *, output: Path, key: str | None, dry_run: bool, as_json: bool
) -> Exit:
    """Check, price and make the call, and write its pictures beside *output*. Raises `GiveUpError`."""
    if asked.operation is Operation.EDIT and not asked.images:
        raise GiveUpError(
            Exit.UNUSABLE, 'an edit takes pictures, and the prompt last: imageway edit cat.png "at night"'
        )
    stem = output.with_suffix("") if output.suffix[1:].lower() in _endings() else output
    taken = [path for path in _candidates(stem) if path.exists()]
    if taken and not dry_run:
        raise GiveUpError(Exit.UNUSABLE, f"{taken[0]} is there already; nothing was sent. Name another with -o")
    if not dry_run:
        _require_room(stem.absolute().parent)
    async with open_client(choice) as client:
        try:
            request = await _request(asked, client)
            await client.check(request)
            told = await client.foresee(request)
        except UnsupportedError as error:
            raise GiveUpError(Exit.UNUSABLE, _refusal(error)) from error
        except ImageError as error:
            raise GiveUpError(_exit_of(error), error.message) from error
        if not told.would_send:
            raise GiveUpError(Exit.UNUSABLE, told.message or "the gateway wouldn't send it")
        say(_foretold(told, dry_run=dry_run))
        if dry_run:
            _put_foresight(told, as_json=as_json)
            return Exit.FINE
        key = key or f"imageway-{secrets.token_hex(16)}"
        result = await _sent(client, request, key)
        paths = [await _saved(client, result, index, stem, key) for index in range(len(result.images))]
    _tell(result, paths, output, as_json=as_json)
    return Exit.FINE


def _require_room(folder: Path) -> None:
    """Raise `GiveUpError` where a picture can't be written into *folder*, which may have to be made."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise GiveUpError(Exit.UNUSABLE, f"can't write to {there}; nothing was sent. Name another place with -o")


async def _request(asked: Asked, client: AsyncClient) -> ImageRequest:
    fields = []
    for text in asked.params:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise GiveUpError(Exit.UNUSABLE, f"--param is NAME=VALUE, such as size=1024x1024, but it is '{text}'")
        fields.append((name, value))
    spec = (await client.models()).get(asked.model)
    offered = spec.operations.get(asked.operation) if spec else None
    params: dict[str, JsonValue] = {
        "prompt": asked.prompt,
        **typed_form(fields, offered.params if offered else {}),
    }
    if offered is not None and "response_format" in offered.params:
        params.setdefault("response_format", "b64_json")
    return ImageRequest(
        operation=asked.operation,
        model=asked.model,
        params=params,
        images=tuple([await asyncio.to_thread(loaded_picture, image) for image in asked.images]),
        mask=None if asked.mask is None else await asyncio.to_thread(loaded_picture, asked.mask),
    )


async def _sent(client: AsyncClient, request: ImageRequest, key: str) -> ImageResult:
    try:
        return await client.send(request, idempotency_key=key)
    except ImageError as error:
        again = f" It may be paid for: the same command with --key {key} asks for it again."
        raise GiveUpError(_exit_of(error), error.message + (again if error.may_have_billed else "")) from error


async def _saved(client: AsyncClient, result: ImageResult, index: int, stem: Path, key: str) -> Path:
    """Write a picture; one that can't be is asked for again by the call's key, where the gateway keeps answers."""
    try:
        content = await client.picture_bytes(result.images[index])
        return await asyncio.to_thread(_write, content, index if len(result.images) > 1 else None, stem)
    except (ImageError, OSError) as error:
        reason = error.message if isinstance(error, ImageError) else f"{error.strerror or type(error).__name__}."
        again = f"The same command with --key {key} asks for it again."
        raise GiveUpError(Exit.SOME_FAILED, f"a picture was drawn, and not saved: {reason} {again}") from error


def _write(content: bytes, index: int | None, stem: Path) -> Path:
    ending = sniff(content).format.extension
    path = stem.absolute().with_name(f"{stem.name}.{ending}" if index is None else f"{stem.name}_{index}.{ending}")
    with atomic_file(path) as file:
        file.write(content)
    return path


def _refusal(error: UnsupportedError) -> str:
    lines = [violation.message + _allowed_besides(violation) for violation in error.violations]
    accepted = f"\nModels here that would accept it: {', '.join(error.accepted_by)}." if error.accepted_by else ""
    return "nothing was sent: " + "\n".join(lines) + accepted


def _allowed_besides(violation: Violation) -> str:
    """What is allowed, where the vendor's own words don't name all of it."""
    allowed = violation.allowed
    if not allowed:
        return ""
    values = [allowed] if isinstance(allowed, str) else [str(value) for value in allowed]
    return "" if all(value in violation.message for value in values) else f" Allowed: {', '.join(values)}."


def _foretold(told: Foresight, *, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    cost = "nobody knows the price"
    if told.cost is not None:
        low, high = told.cost.low_usd, told.cost.high_usd
        about = "about " if told.cost.approximate else ""
        upto = "" if low == high else f" to ${shown_usd(high)}"
        cost = f"{'would cost' if dry_run else 'costs'} {about}${shown_usd(low)}{upto}"
    translated = f"; translated: {', '.join(told.translated)}" if told.translated else ""
    return f"{cost}; {would}drawn by {told.target}{translated}"


def _put_foresight(told: Foresight, *, as_json: bool) -> None:
    if not as_json:
        return
    cost: dict[str, JsonValue] | None = None
    if told.cost is not None:
        cost = {"low_usd": float(told.cost.low_usd), "high_usd": float(told.cost.high_usd)}
    put_json({"would_send": True, "target": told.target, "translated": [*told.translated], "cost": cost})


def _tell(result: ImageResult, paths: list[Path], output: Path, *, as_json: bool) -> None:
    ending = output.suffix[1:].lower()
    if ending in _endings() and any(path.suffix != output.suffix for path in paths):
        say(f"the picture isn't what .{ending} says; its ending is that of its real format")
    told = result.upstream_headers
    if as_json:
        cost = told.get("imageway-cost-usd")
        put_json(
            {
                "files": [str(path) for path in paths],
                "cost_usd": None if cost is None else float(cost),
                "request_id": result.upstream_request_id,
                "target": told.get("imageway-target"),
                "revised_prompts": [
                    image.revised_prompt if isinstance(image.revised_prompt, str) else None for image in result.images
                ],
            }
        )
        return
    for path in paths:
        put(str(path))


def _exit_of(error: ImageError) -> Exit:
    if isinstance(error, GatewayUnreachableError) or error.code is ErrorCode.UNAUTHENTICATED:
        return Exit.NO_GATEWAY
    refused_here = error.code in (ErrorCode.UNKNOWN_MODEL, ErrorCode.INVALID_REQUEST) and not error.may_have_billed
    return Exit.UNUSABLE if refused_here else Exit.SOME_FAILED


def _endings() -> set[str]:
    return {format_.extension for format_ in ImageFormat if format_ is not ImageFormat.UNKNOWN} | {"jpeg", "tif"}


def _candidates(stem: Path) -> list[Path]:
    """What the pictures may be called."""
    return [stem.with_name(f"{name}.{ending}") for ending in _endings() for name in (stem.name, f"{stem.name}_0")]
