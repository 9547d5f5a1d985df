"""`GET /v1/models` and `/v1/models/{name}`: what there is, each with the spec that its callers are checked against."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from imageway.contract.cards import ModelCard, TranslationNotice, card_body, cards_body
from imageway.contract.errors import ErrorCode, ImageError
from imageway.gateway.access.callers import Callers
from imageway.gateway.http.held import generation_of
from imageway.gateway.http.reading import READING
from imageway.gateway.http.request_id import request_id_of
from imageway.providers.registry import Model, Registry
from imageway.providers.translation import rules_between

__all__ = ("model_routes",)

AnyRequest = Request[Any, Any, Any]


class _Listings:
    """The models of each caller. They are written once: a registry never changes."""

    def __init__(self, callers: Callers) -> None:
        self.cards = {caller.key.name: _cards(caller.registry) for caller in callers.all}
        self.bodies = {name: cards_body(listed) for name, listed in self.cards.items()}


def model_routes() -> list[HTTPRouteHandler]:
    """The model list as route handlers, each caller's own."""
    written: WeakKeyDictionary[Callers, _Listings] = WeakKeyDictionary()

    async def listings(request: AnyRequest) -> tuple[_Listings, str]:
        callers = generation_of(request).callers
        if callers not in written:
            written[callers] = _Listings(callers)
        return written[callers], (await callers.of(request.headers)).key.name

    @route(
        ["/v1/models", "/models", "/openai/v1/models"],
        http_method=READING,
        status_code=200,
        media_type="application/json",
    )
    async def models(request: AnyRequest) -> Response[bytes]:
        listed, name = await listings(request)
        return Response(listed.bodies[name], headers={"x-request-id": request_id_of(request)})

    @route(
        ["/v1/models/{name:path}", "/models/{name:path}", "/openai/v1/models/{name:path}"],
        http_method=READING,
        status_code=200,
        media_type="application/json",
    )
    async def model(request: AnyRequest) -> Response[bytes]:
        listed, name = await listings(request)
        known = listed.cards[name]
        plain = str(request.path_params["name"]).lstrip("/")
        card = known.get(plain)
        if card is None:
            raise ImageError(
                ErrorCode.NOT_FOUND,
                f"The model '{plain[:64]}' does not exist. Models here: {', '.join(known)}.",
                param="model",
                upstream_code="model_not_found",
            )
        return Response(card_body(plain, card), headers={"x-request-id": request_id_of(request)})

    return [models, model]


def _cards(registry: Registry) -> Mapping[str, ModelCard]:
    return {model.name: _card(model) for model in registry.models}


def _card(model: Model) -> ModelCard:
    notices = tuple(
        TranslationNotice(
            target=target.label, rules={rule.name: rule.sentence for rule in rules_between(model.contract, target.spec)}
        )
        for target in model.targets
        if target.translates
    )
    return ModelCard(
        spec=model.contract,
        validation=model.validation,
        targets=tuple(target.label for target in model.targets),
        translations=notices,
    )
