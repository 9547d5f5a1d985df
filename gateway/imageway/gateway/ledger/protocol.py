"""What a ledger's store must do: claim a key for one call, and remember durably how far that call came.

    claimed ──> sent ──> answered ──> (body dropped)
       │          └────> unknown      may have been paid for; so is what was sent when its process died
       └──────────┴────> removed      known to be unpaid

A retry of an unknown call that turns out unpaid goes back to unknown: the first call may still have been paid for.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from imageway.gateway.ledger.kept_answer import KeptAnswer

__all__ = ("Claim", "ClaimLostError", "Finding", "Kept", "Ledger", "LedgerError")


class LedgerError(Exception):
    """The ledger can't be used; the sentence says why, for the operator rather than for callers."""


class ClaimLostError(LedgerError):
    """The claim's lease ran out and another call has the key, or nobody."""


class Claim(Struct, frozen=True, kw_only=True):
    """One call's hold on `slot`, the digest of a caller and a key. `token` is random, so that repeating a step that
    may have been done already does no harm.
    """

    slot: str
    token: str


class Kept(Struct, frozen=True, kw_only=True):
    """The key's call was answered."""

    answer: KeptAnswer


Finding: TypeAlias = Literal["taken", "held", "conflict", "unknown", "dropped"] | Kept
"""What a claim came upon.

`taken`: the key is the claimer's. `held`: another process runs its call. `conflict`: the key has another fingerprint.
`unknown`: its call may have been paid for, and nobody has the answer. `dropped`: it was answered, and the answer isn't
kept, for its size or to make room.
"""


class Ledger(Protocol):
    """A store of keys. Every method may raise `LedgerError`; steps that it missed leave a key unknown, never free."""

    @property
    def upkeep_every_s(self) -> float:
        """How often `upkeep` is due."""
        ...

    async def claim(self, claim: Claim, fingerprint: str, *, retry_unknown: bool) -> Finding:
        """Take the slot where it is free; with *retry_unknown* also where its outcome is unknown or dropped."""
        ...

    async def mark_sent(self, claim: Claim) -> None:
        """Note durably that the call may be paid for from now on. Raises `ClaimLostError`."""
        ...

    async def keep(self, claim: Claim, answer: KeptAnswer) -> None:
        """Note durably that the call was answered. Raises `ClaimLostError`."""
        ...

    async def settle_unknown(self, claim: Claim) -> None:
        """Note that nobody knows whether the call was paid for. A lost claim is left to its new holder."""
        ...

    async def release(self, claim: Claim) -> None:
        """Note that the call is known to be unpaid. A lost claim is left to its new holder."""
        ...

    async def upkeep(self, claims: Sequence[Claim]) -> None:
        """Renew what *claims* hold, and remove what has been kept for long enough."""
        ...
