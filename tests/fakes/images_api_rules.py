"""A second opinion on what reaches the vendors: the fact table read anew, without a line of the code under test.

`faults_of` judges one request body as it arrives. `CheckedUpstream` is a fake vendor that judges each of them.
"""

import base64
import json
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakes.upstream import PNG

_ROWS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "cases" / "capabilities.json").read_text(encoding="utf-8")
)["models"]
_OPERATIONS = {"generations": "generate", "edits": "edit", "variations": "variation"}
_MAGIC = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


@dataclass(frozen=True)
class Part:
    """A part of a form; `filename` is None where it is text."""

    name: str
    filename: str | None
    media_type: str | None
    content: bytes


def faults_of(path: str, content_type: str, body: bytes) -> list[str]:
    """Everything by which a request breaks the documented rules of its model, in words; empty where it keeps them."""
    provider = "azure_openai" if path.startswith("/openai/") else "openai"
    operation = _OPERATIONS.get(path.rpartition("/")[2], path)
    kind = content_type.partition(";")[0]
    if kind == "application/json":
        fields, files = json.loads(body), []
    elif kind == "multipart/form-data":
        parts = parts_of(content_type, body)
        fields, files = _texts(parts), [part for part in parts if part.filename is not None]
    else:
        return [f"content type {content_type}"]
    model = fields.pop("model", None)
    row = next((row for row in _ROWS if (row["provider"], row["model"]) == (provider, model)), None)
    if row is None:
        return [f"no {provider} model {model}"]
    rules = row["operations"].get(operation, {})
    if not rules.get("supported"):
        return [f"{model} has no {operation}"]
    faults = [] if kind in rules["content_types"] else [f"{operation} doesn't take {kind}"]
    judge = _json_fault if kind == "application/json" else _text_fault
    params = rules["params"]
    for name, value in fields.items():
        head = name.partition("[")[0]
        if head not in params or params[head]["type"] == "file" or name in rules["rejected_params"]:
            faults.append(f"unknown field {name}")
        elif fault := judge(value, params[head]):
            faults.append(f"{name}: {fault}")
    faults += [f"{name} is missing" for name in params if params[name].get("required") and name not in fields]
    faults = [fault for fault in faults if fault != "model is missing"]
    compression = int(fields.get("output_compression") or 100)
    if (
        compression < 100
        and fields.get("output_format") not in params["output_compression"]["only_with"]["output_format"]
    ):
        faults.append("output_compression below 100 without its format")
    return faults + _file_faults(files, rules)


def parts_of(content_type: str, body: bytes) -> list[Part]:
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    parts = []
    for raw in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, content = raw.partition(b"\r\n\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.decode().strip().split("\r\n"))
        }
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', headers["content-disposition"]))
        parts.append(Part(attributes["name"], attributes.get("filename"), headers.get("content-type"), content))
    return parts


def _texts(parts: list[Part]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for part in parts:
        if part.filename is None:
            fields[part.name] = "sent twice" if part.name in fields else part.content.decode()
    return fields


def _json_fault(value: Any, param: dict[str, Any]) -> str:
    if value is None:
        return "" if param.get("nullable") else "null"
    match param["type"]:
        case "integer":
            right = type(value) is int
        case "boolean":
            right = type(value) is bool
        case "object":
            right = isinstance(value, dict)
        case _:
            right = isinstance(value, str)
    return _value_fault(value, param) if right else f"{value!r} is no {param['type']}"


def _text_fault(text: str, param: dict[str, Any]) -> str:
    match param["type"]:
        case "integer":
            return _value_fault(int(text), param) if re.fullmatch(r"-?[0-9]+", text) else f"{text!r} is no integer"
        case "boolean":
            return "" if text in ("true", "false") else f"{text!r} is no boolean"
        case _:
            return _value_fault(text, param)


def _value_fault(value: Any, param: dict[str, Any]) -> str:
    if isinstance(value, int) and not param.get("min", value) <= value <= param.get("max", value):
        return f"{value} is out of range"
    if isinstance(value, str) and not param.get("min_chars", 0) <= len(value) <= param.get("max_chars", len(value)):
        return f"{len(value)} characters"
    if "enum" in param and value not in param["enum"]:
        return f"{value!r} is none of {param['enum']}"
    if "constraints" in param and param["type"] == "string" and value != "auto":
        return _size_fault(value, param["constraints"])
    return ""


def _size_fault(size: str, limits: dict[str, Any]) -> str:
    if not re.fullmatch(r"[0-9]+x[0-9]+", size):
        return f"{size!r} is no size"
    width, height = map(int, size.split("x"))
    fits = (
        width % limits["multiple_of"] == 0 == height % limits["multiple_of"]
        and max(width, height) <= limits["max_edge"]
        and max(width, height) <= limits["max_aspect_ratio"] * min(width, height)
        and limits["min_pixels"] <= width * height <= limits["max_pixels"]
    )
    return "" if fits else f"{size!r} is off the grid"


def _file_faults(files: list[Part], rules: dict[str, Any]) -> list[str]:
    faults = []
    inputs = rules.get("input_images")
    images = [part for part in files if part.name in ("image", "image[]")]
    least, most = (inputs["min_count"], inputs["max_count"]) if inputs else (0, 0)
    if not least <= len(images) <= most:
        faults.append(f"{len(images)} images")
    if {part.name for part in images} - {"image" if len(images) == 1 else "image[]"}:
        faults.append(f"{len(images)} images under {[part.name for part in images]}")
    known = {
        "image",
        "image[]",
        *(("mask",) if rules.get("mask") else ()),
        *(("markup",) if "markup" in rules["params"] else ()),
    }
    for part in files:
        true_type = next((type_ for magic, type_ in _MAGIC.items() if part.content.startswith(magic)), None)
        limits = rules["mask"] if part.name in ("mask", "markup") else inputs
        if part.name not in known:
            faults.append(f"unknown file {part.name}")
        elif true_type is None or part.media_type != true_type:
            faults.append(f"{part.name} is {true_type}, labelled {part.media_type}")
        elif true_type.removeprefix("image/") not in limits["formats"]:
            faults.append(f"{part.name} is {true_type}")
        elif len(part.content) >= limits["max_bytes_exclusive"]:
            faults.append(f"{part.name} has {len(part.content)} bytes")
    return faults


@dataclass
class CheckedUpstream:
    """A vendor that draws for everybody; `faults` has a list for each request that came, in order."""

    faults: list[list[str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        chunks = []
        more = True
        while more:
            message = await receive()
            chunks.append(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"".join(chunks)
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        content_type = headers.get("content-type", "")
        self.faults.append(faults_of(scope["path"], content_type, body))
        picture = base64.b64encode(PNG).decode()
        streaming = b'name="stream"\r\n\r\ntrue' in body or b'"stream":true' in body[:100_000].replace(b" ", b"")
        if streaming:
            kind = "image_edit" if scope["path"].endswith("edits") else "image_generation"
            done = {
                "type": f"{kind}.completed",
                "b64_json": picture,
                "created_at": 1_700_000_000,
                "size": "1024x1024",
                "quality": "low",
                "background": "opaque",
                "output_format": "png",
                "usage": {
                    "total_tokens": 2,
                    "input_tokens": 1,
                    "output_tokens": 1,
                    "input_tokens_details": {"text_tokens": 1, "image_tokens": 0},
                },
            }
            media_type, answer = "text/event-stream", f"event: {done['type']}\ndata: {json.dumps(done)}\n\n"
        else:
            media_type = "application/json"
            answer = json.dumps({"created": 1_700_000_000, "data": [{"b64_json": picture}]})
        sent = [(b"content-type", media_type.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": sent})
        await send({"type": "http.response.body", "body": answer.encode()})
