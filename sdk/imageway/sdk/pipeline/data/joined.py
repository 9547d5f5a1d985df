"""Several sources in one. What is joined to the primary source's records lies in a temporary SQLite file meanwhile."""

import json
import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from hashlib import blake2b
from itertools import chain, product

from imageway.contract.request import JsonValue
from imageway.sdk.pipeline.data.kinds import DataFile, HfDataset, Joined, Member
from imageway.sdk.pipeline.data.row import Found, SourceError

__all__ = ("read_joined",)

Fields = dict[str, JsonValue]
Read = Callable[[DataFile | HfDataset], Iterator[Found]]


def read_joined(data: Joined, read: Read) -> Generator[Found]:
    """The records of *data*, whose sources *read* reads. Raises `SourceError`.

    `sequential` gives the primary source's records the other's in their order, from the beginning again where there are
    too few; `random` one that is drawn by the record's position, the same in each run; `cross` each of them; `column`
    the one whose `join_key` is the record's `primary_key`, or nulls. The primary record's `id` stays its name; that of
    crossed records gets the number of the other behind it.
    """
    if all(member.join == "vstack" for member in data.members):
        yield from chain.from_iterable(read(member.data) for member in data.members)
        return
    primary = next(member for member in data.members if member.join == "primary")
    with ExitStack() as stack:
        others = [
            (member, stack.enter_context(closing(_Shelf(member, read))))
            for member in data.members
            if member is not primary
        ]
        for index, found in enumerate(read(primary.data)):
            if found.fault is not None:
                yield found
                continue
            own = _named(found.fields, primary)
            try:
                choices = [[*shelf.beside(found.fields, member, index)] for member, shelf in others]
            except _NotJoinedError as error:
                yield Found(place=found.place, fault=str(error))
                continue
            crossed = any(member.join == "cross" for member, _ in others)
            for number, picked in enumerate(product(*choices), start=1):
                fields = dict(own)
                for beside in picked:
                    fields |= beside
                if "id" in found.fields:
                    id_ = found.fields["id"]
                    fields["id"] = f"{id_}_{number}" if crossed and isinstance(id_, str | int) else id_
                yield Found(place=found.place, fields=fields)


class _NotJoinedError(Exception):
    """A record has no partner that could be told."""


class _Shelf:
    """The records of a source, to be fetched by place and by key."""

    def __init__(self, member: Member, read: Read) -> None:
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("CREATE TABLE shelf (place INTEGER PRIMARY KEY, key TEXT, fields TEXT)")
        self._connection.execute("BEGIN")
        self._columns: dict[str, None] = {}
        self._connection.executemany("INSERT INTO shelf (key, fields) VALUES (?, ?)", self._kept(member, read))
        self._connection.execute("CREATE INDEX by_key ON shelf (key)")
        (self._count,) = self._connection.execute("SELECT count(*) FROM shelf").fetchone()
        if self._count == 0:
            raise SourceError(f"{member.data.name}: there are no records in it")

    def close(self) -> None:
        self._connection.close()

    def beside(self, fields: Fields, member: Member, index: int) -> Iterable[Fields]:
        """What of this goes beside the primary source's record *fields*, the one at *index*."""
        match member.join:
            case "cross":
                return [_named(json.loads(text), member) for (text,) in self._rows("1 ORDER BY place")]
            case "column":
                return [self._partner(fields, member)]
            case "random":
                digest = blake2b(f"{member.alias}:{index}".encode(), digest_size=8).digest()
                return [self._at(int.from_bytes(digest), member)]
            case _:
                return [self._at(index, member)]

    def _partner(self, fields: Fields, member: Member) -> Fields:
        if member.primary_key not in fields:
            raise _NotJoinedError(f"there is no '{member.primary_key}', by which '{member.alias}' is joined")
        key = _key(fields[member.primary_key])
        found = [text for (text,) in self._rows("key = ? LIMIT 2", key)]
        if len(found) > 1:
            raise _NotJoinedError(f"several records of '{member.alias}' have {member.join_key} = {key}; one is needed")
        return _named(json.loads(found[0]) if found else dict.fromkeys(self._columns), member)

    def _at(self, index: int, member: Member) -> Fields:
        ((text,),) = self._rows("place = ?", index % self._count + 1)
        return _named(json.loads(text), member)

    def _rows(self, condition: str, *values: object) -> list[tuple[str]]:
        statement = f"SELECT fields FROM shelf WHERE {condition}"  # noqa: S608  # conditions are ours
        return self._connection.execute(statement, values).fetchall()

    def _kept(self, member: Member, read: Read) -> Iterator[tuple[str | None, str]]:
        for found in read(member.data):
            if found.fault is not None:
                raise SourceError(f"{found.place}: {found.fault}")
            self._columns |= dict.fromkeys(found.fields)
            key = None if member.join_key is None else _key(found.fields.get(member.join_key))
            yield key, json.dumps(found.fields)


def _named(fields: Fields, member: Member) -> Fields:
    return {f"{member.alias}->{name}": value for name, value in fields.items()}


def _key(value: JsonValue) -> str | None:
    """Keys are compared as text: a CSV file has nothing else."""
    return None if value is None else str(value)
