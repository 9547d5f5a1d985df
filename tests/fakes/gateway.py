"""A fake of the gateway's protocol: publishes the catalogue's specs, records what is asked, and answers by script."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import replace

from fakes.upstream import PNG, Recorded, Reply, Upstream, drawn
from imageway.contract.cards import ModelCard, cards_body
from imageway.contract.errors import ErrorCode, ImageError, reaction
from imageway.contract.spec import Lifecycle, ModelSpec
from imageway.contract.validation import Validation
from imageway.contract.wire import error_body
from imageway.providers.catalogue import find, load_catalogue

NAMES = ("dall-e-2", "dall-e-3", "gpt-image-1")


def specs() -> dict[str, ModelSpec]:
    """Specs of the catalogue, of models that live for ever: what tests see doesn't depend on the day."""
    catalogue = load_catalogue()
    immortal = Lifecycle(status="active", source="test")
    found = {name: find(catalogue, "openai", name) for name in NAMES}
    return {name: replace(spec, lifecycle=immortal) for name, spec in found.items() if spec is not None}


def refused(error: ImageError, request_id: str = "req-1", **headers: str) -> Reply:
    body = error_body(error, request_id)
    return Reply(status=reaction(error.code).status, body=body, headers={"x-request-id": request_id, **headers})


REJECTED = refused(ImageError(ErrorCode.CONTENT_REJECTED, "The vendor's safety system refused this request."))


async def _draw(asked: Recorded) -> Reply:
    n = asked.json.get("n", 1) if asked.json else int(dict(asked.texts).get("n", 1))
    return drawn(*[PNG] * n)


class FakeGateway:
    """`answer` decides on each image request; `drawn_requests` are those that came, without the list of models."""

    def __init__(
        self,
        answer: Callable[[Recorded], Awaitable[Reply]] = _draw,
        *,
        models: Mapping[str, ModelSpec] | None = None,
        validations: Mapping[str, Validation] | None = None,
        targets: Mapping[str, tuple[str, ...]] | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> None:
        self.answer = answer
        self.models = Reply(body=_listed(specs() if models is None else models, validations or {}, targets or {}))
        self.files = files or {}
        self.model_lists = 0
        self.drawn_requests: list[Recorded] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        one = Upstream()
        if scope["path"] == "/v1/models":
            self.model_lists += 1
            one.replies.append(self.models)
        elif scope["path"] in self.files:
            one.replies.append(Reply(body=self.files[scope["path"]]))
        else:
            heard = Upstream()
            messages: list[Any] = []

            async def listen() -> Any:
                messages.append(await receive())
                return messages[-1]

            async def ignore(_: Any) -> None:
                pass

            await heard(scope, listen, ignore)
            self.drawn_requests += heard.requests
            one.replies.append(await self.answer(heard.requests[0]))

            async def replay() -> Any:
                return messages.pop(0)

            receive = replay
        await one(scope, receive, send)

    @property
    def prompts(self) -> list[str]:
        return [asked.json["prompt"] if asked.json else dict(asked.texts)["prompt"] for asked in self.drawn_requests]


def data_url(content: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _listed(
    models: Mapping[str, ModelSpec], validations: Mapping[str, Validation], targets: Mapping[str, tuple[str, ...]]
) -> bytes:
    return cards_body(
        {
            name: ModelCard(spec=spec, validation=validations.get(name, "strict"), targets=targets.get(name, ()))
            for name, spec in models.items()
        }
    )
