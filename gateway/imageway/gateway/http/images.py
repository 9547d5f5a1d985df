"""`POST /v1/images/generations`, `/v1/images/edits` and `/v1/images/variations`."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from litestar import Request, Response, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp
from msgspec.structs import replace

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest, Operation
from imageway.contract.wire import generation_request
from imageway.gateway.access.callers import Caller
from imageway.gateway.http.bodies import whole_body
from imageway.gateway.http.dry_run import foreseen
from imageway.gateway.http.errors import image_error_of
from imageway.gateway.http.exchange import CallsInFlight, exchange, exchanging
from imageway.gateway.http.forms import Intake, picture_request
from imageway.gateway.http.held import generation_of
from imageway.gateway.http.keyed import keyed_answer
from imageway.gateway.http.links import base_url_of, with_whole_links
from imageway.gateway.http.outcome_headers import outcome_headers
from imageway.gateway.http.patience import patience_of
from imageway.gateway.http.presence import while_there
from imageway.gateway.http.relayed import RelayedAnswer
from imageway.gateway.http.request_id import request_id_of
from imageway.gateway.http.streaming import StreamedAnswer
from imageway.gateway.settings import ServerSettings
from imageway.gateway.spool import Spool, let_go

__all__ = ("image_routes",)

AnyRequest = Request[Any, Any, Any]
_NOT_KEPT = {"imageway-idempotency": "not-kept"}
"""Told to a caller whose key changes nothing, because this gateway has no ledger."""


def image_routes(server: ServerSettings, spool: Spool, in_flight: CallsInFlight) -> list[HTTPRouteHandler]:
    """The image operations as route handlers, under OpenAI's paths and Azure's; bodies lie in *spool*."""
    intake = Intake(spool=spool, max_bytes=server.max_upload_bytes, max_pixels=server.max_input_pixels)

    @post(
        _paths("generations"),
        status_code=200,
        middleware=[exchanging],
    )
    async def generations(request: AnyRequest) -> ASGIApp:
        async def reading(_: Caller) -> ImageRequest:
            asked = generation_request(await whole_body(request, spool, server.max_json_bytes))
            return replace(asked, model=_named(request, asked.model))

        return await _answer(Operation.GENERATE, request, reading)

    @post(
        [*_paths("edits"), *_paths("variations")],
        status_code=200,
        middleware=[exchanging],
    )
    async def edits(request: AnyRequest) -> ASGIApp:
        operation = Operation.VARIATION if request.scope["path"].endswith("/variations") else Operation.EDIT

        def reading(caller: Caller) -> Awaitable[ImageRequest]:
            named = partial(_named, request)
            return picture_request(request, operation, caller.registry, named, intake)

        return await _answer(operation, request, reading)

    def _named(request: AnyRequest, named: str) -> str:
        """The deployment in an Azure path, which counts more than the body, or else the body's model or the default."""
        parts = (request.path_params.get("group"), request.path_params.get("deployment"))
        default = generation_of(request).settings.default_model
        return "/".join(part for part in parts if part) or named or default or ""

    async def _answer(
        operation: Operation, request: AnyRequest, reading: Callable[[Caller], Awaitable[ImageRequest]]
    ) -> ASGIApp:
        request_id, generation = request_id_of(request), generation_of(request)
        engine, headers, caller = generation.engine, request.headers, None
        try:
            base_url = base_url_of(request)
            dry = _is_dry(request)
            patience = patience_of(headers)
            caller = await generation.callers.of(headers)
            in_flight.enter(exchange(request))
            asked = await reading(caller)
        except (ImageError, HTTPException) as error:
            engine.refused(operation, image_error_of(request, error), request_id=request_id, caller=caller)
            raise
        if dry:
            told = Response(
                foreseen(engine, asked, caller), media_type="application/json", headers={"x-request-id": request_id}
            )
            return told.to_asgi_response(app=None, request=request)
        key = headers.get("idempotency-key")
        if key is not None and (keyed := request.app.state.get("keyed")) is not None:
            return await keyed_answer(keyed, key, request, asked, caller, patience, spool)
        exchange(request).at_its_end(partial(let_go, asked))
        if asked.params.get("stream") is True:
            return StreamedAnswer(
                engine, request, asked, caller, patience, keep_alive_s=server.keep_alive_s, spool=spool
            )
        running = engine.run(asked, request_id=request_id, caller=caller, patience=patience)
        outcome = await while_there(request.receive, running)
        return RelayedAnswer.of_result(
            with_whole_links(outcome.result, base_url),
            {"x-request-id": request_id, **outcome_headers(outcome), **({} if key is None else _NOT_KEPT)},
            spool,
        )

    return [generations, edits]


def _is_dry(request: AnyRequest) -> bool:
    """Whether nothing is to be sent. Raises `ImageError` for a word that is neither: guessing could cost money."""
    match request.query_params.get("dry_run", "false") if request.scope["query_string"] else "false":
        case "true":
            return True
        case "false":
            return False
        case other:
            raise ImageError(
                ErrorCode.INVALID_REQUEST,
                f"'dry_run' is '{str(other)[:64]}'; it is 'true' or 'false'.",
                param="dry_run",
                upstream_code="invalid_value",
            )


def _paths(operation: str) -> list[str]:
    """OpenAI's path, with and without its version, and Azure's; a deployment's name may have a slash in it."""
    return [
        f"/v1/images/{operation}",
        f"/images/{operation}",
        f"/openai/v1/images/{operation}",
        f"/openai/images/{operation}",
        f"/openai/deployments/{{deployment:str}}/images/{operation}",
        f"/openai/deployments/{{group:str}}/{{deployment:str}}/images/{operation}",
    ]
