"""`GET /v1/models` and `/v1/models/{name}`: what there is, each with the spec that its callers are checked against."""

from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from imageway.contract.cards import ModelCard, TranslationNotice, card_body, cards_body
from imageway.contract.errors import ErrorCode, ImageError
from imageway.providers.registry import Model, Registry
from imageway.providers.translation import rules_between

__all__ = ("model_routes",)


def model_routes(registry: Registry) -> list[HTTPRouteHandler]:
    """The model list as route handlers. It is written once: a registry never changes."""
    cards: Mapping[str, ModelCard] = {model.name: _card(model) for model in registry.models}
    listing = cards_body(cards)

    @get("/v1/models", media_type="application/json")
    async def models() -> Response[bytes]:
        return Response(listing, media_type="application/json")

    @get("/v1/models/{name:path}", media_type="application/json")
    async def model(request: Request[Any, Any, Any]) -> Response[bytes]:
        plain = str(request.path_params["name"]).lstrip("/")
        card = cards.get(plain)
        if card is None:
            raise ImageError(
                ErrorCode.NOT_FOUND,
                f"The model '{plain[:64]}' does not exist. Models here: {', '.join(cards)}.",
                param="model",
                upstream_code="model_not_found",
            )
        return Response(card_body(plain, card), media_type="application/json")

    return [models, model]


def _card(model: Model) -> ModelCard:
    notices = tuple(
        TranslationNotice(
            target=target.label, rules={rule.name: rule.sentence for rule in rules_between(model.contract, target.spec)}
        )
        for target in model.targets
        if target.translates
    )
    return ModelCard(spec=model.contract, validation=model.validation, translations=notices)
