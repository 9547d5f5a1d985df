"""`imageway models`: what a gateway serves, how long it will, and what comes after."""

from collections.abc import Mapping

from imageway.contract.cards import ModelCard
from imageway.contract.errors import ImageError
from imageway.contract.request import JsonValue
from imageway.sdk.cli.gateway import open_client
from imageway.sdk.cli.talk import Exit, GiveUpError, put, put_json
from imageway.sdk.connecting import GatewayChoice
from imageway.sdk.embedded import Opener

__all__ = ("list_models",)

_HEAD = ("MODEL", "OPERATIONS", "SHUT DOWN ON", "SUCCESSORS", "SERVED BY")


async def list_models(choice: GatewayChoice, *, as_json: bool, opener: Opener | None = None) -> Exit:
    """Put the gateway's models on stdout, one a line. Raises `GiveUpError`."""
    async with open_client(choice, opener=opener, announced=False) as client:
        try:
            cards = await client.cards()
        except ImageError as error:
            raise GiveUpError(Exit.NO_GATEWAY, error.message) from error
    if as_json:
        put_json({"models": [_as_json(name, card) for name, card in cards.items()]})
    else:
        _put_table([_HEAD, *_rows(cards)])
    return Exit.FINE


def _rows(cards: Mapping[str, ModelCard]) -> list[tuple[str, ...]]:
    return [
        (
            name,
            ", ".join(card.spec.operations),
            str(card.spec.lifecycle.shutdown_date or "-"),
            ", ".join(card.spec.lifecycle.successors) or "-",
            ", ".join(card.targets or [notice.target for notice in card.translations]) or "-",
        )
        for name, card in cards.items()
    ]


def _put_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        put("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _as_json(name: str, card: ModelCard) -> JsonValue:
    lifecycle = card.spec.lifecycle
    return {
        "model": name,
        "contract": card.spec.name,
        "operations": [str(operation) for operation in card.spec.operations],
        "status": lifecycle.status,
        "shutdown_date": None if lifecycle.shutdown_date is None else str(lifecycle.shutdown_date),
        "successors": [*lifecycle.successors],
        "validation": card.validation,
        "targets": [*card.targets],
        "translations": {notice.target: [*notice.rules] for notice in card.translations},
    }
