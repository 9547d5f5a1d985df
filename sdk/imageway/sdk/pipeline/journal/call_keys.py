"""The names of calls: made of the run, who draws, the record, the node and all that is sent."""

import json
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

import msgspec

from imageway.contract.errors import ErrorCode, ImageError
from imageway.contract.request import ImageRequest
from imageway.sdk.pipeline.journal.file import JournalFile, sql_text

__all__ = ("CallKeys", "call_place", "keys_of")


class CallKeys:
    """The keys of a run's calls, drawn by *drawer*; *redone* are the places of calls to be made anew, once for each."""

    def __init__(self, run_id: str, drawer: str, redone: Iterable[str]) -> None:
        self._run_id = run_id
        self._drawer = drawer
        self._redone = Counter(redone)

    def key(self, record_id: str, node: str, request: ImageRequest, *, draw: int = 1) -> str:
        """The call's name towards the gateway and in the journal; hashes the pictures.

        *draw* counts, from 1, how often *node* draws for the record: in a loop, equal requests are several draws. One
        that is to be redone is another call.
        """
        call: tuple[object, ...] = (record_id, node) if draw == 1 else (record_id, node, draw)
        redone = self._redone_times(record_id, node, draw)
        call = (*call, {"redone": redone}) if redone else call
        return f"imageway-{_hashed((self._run_id, self._drawer, *call, _content(request)))}"

    def content_key(self, record_id: str, node: str, request: ImageRequest, *, draw: int = 1) -> str:
        """What equal requests to the same drawer have in common, whatever record, node and run they are of.

        Several draws of a loop are no equal requests, nor is one that is to be redone.
        """
        return _hashed((self._drawer, draw, self._redone_times(record_id, node, draw), _content(request)))

    def _redone_times(self, record_id: str, node: str, draw: int) -> int:
        return self._redone[call_place(sql_text(record_id), node, draw)] if self._redone else 0


def keys_of(file: JournalFile, number: int, run_id: str, drawer: str) -> CallKeys:
    """The keys of the calls of a run that *file* knows."""
    redone = (call for (call,) in file.read("SELECT call FROM redo WHERE run = ?", number))
    return CallKeys(run_id, drawer, redone)


def call_place(record: str, node: str, draw: int) -> str:
    """Where in a run a call is, as the journal's list of calls to be redone has it."""
    return json.dumps([record, node, draw], ensure_ascii=False)


def _content(request: ImageRequest) -> tuple[object, ...]:
    mask = None if request.mask is None else sha256(request.mask.content).hexdigest()
    images = [sha256(image.content).hexdigest() for image in request.images]
    return (request.operation, request.model, request.params, images, mask)


def _hashed(values: tuple[object, ...]) -> str:
    try:
        return sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()
    except UnicodeEncodeError as error:
        sentence = "The request or its record's id holds half of a surrogate pair, which is no valid text."
        raise ImageError(ErrorCode.INVALID_REQUEST, sentence) from error
