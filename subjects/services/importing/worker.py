"""What a worker process does with a chunk: parse, check, make tokens, seal. No Django, no database.

Started as ``python -m subjects.services.importing``; setup, chunks and results pass through
its pipes, and so do the keys: never an argument, never the environment, never a file. When the
importing process dies, the pipe ends and the worker with it.

Every person of a chunk is sealed as if new, under numbers that were reserved before. Whoever is
known already is compared by the importing process, and those numbers are never used. On
PostgreSQL a person whose rows agree comes as finished lines of COPY (``Ready``).
"""

from __future__ import annotations

import gc
import pickle
import struct
from binascii import hexlify
from collections.abc import Iterable
from functools import lru_cache
from typing import IO, Any

from subjects import sealing, values
from subjects.folding import Term, index_terms
from subjects.services.importing.cells import Cells
from subjects.services.importing.parts import (
    ACCOUNT,
    TOKEN_COLUMNS,
    Chunk,
    Finish,
    Group,
    Prepared,
    Read,
    Ready,
    Reject,
    Row,
    Sealed,
    Setup,
)

COLLECT_EVERY = 20
# Rows of binary COPY: how many cells, then each with its length before it; -1 for an empty one.
_NULL = struct.pack(">i", -1)
_SMALL, _BIG = struct.Struct(">ih"), struct.Struct(">iq")
_KEY_START = struct.Struct(">hiqihiq")
_WRAPPED = struct.Struct(f">i{sealing.WRAPPED_BYTES}sih")
_TOKEN_START = struct.pack(">hi", len(TOKEN_COLUMNS), sealing.TOKEN_BYTES)
_TOKEN_KEY = struct.Struct(">iq")
_TOKENS = struct.Struct(f">{sealing.TOKEN_BYTES}s").iter_unpack
TOKEN_ROWS = struct.Struct(
    f"{len(_TOKEN_START) + sealing.TOKEN_BYTES + _TOKEN_KEY.size}s"
).iter_unpack


class Preparing:
    """Prepares chunk after chunk of one run."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.cells = Cells(setup)
        self.word = lru_cache(maxsize=20_000)(self._word)
        self.datum_kind, self.datum_label = setup.kinds["datum"], setup.labels["datum"]
        self.sealer = sealing.Sealer(setup.kek)
        self.searches = [sealing.Tokens(secret) for secret in setup.searches]

    def chunk(self, chunk: Chunk) -> Prepared:
        subjects, keys = chunk.subjects[::-1], chunk.keys[::-1]
        rejects: list[Reject] = []
        rejected = 0
        found: dict[str, list[Read]] = {}
        for line, raw in chunk.records:
            wrong: list[Reject] = []
            read = self.cells.row(line, raw, wrong)
            if wrong:
                rejects += wrong
                rejected += 1
            elif read is not None:
                found.setdefault(read[1][ACCOUNT], []).append(read)
        groups = [
            self._group(account, rows, subjects.pop(), keys) for account, rows in found.items()
        ]
        return Prepared(groups, rejects, rejected, subjects, keys)

    # --- sealing -------------------------------------------------------------------------------
    def _group(self, account: str, read: list[Read], subject: int, keys: list[int]) -> Group:
        rows = [
            Row(line, said, facts, self.proof(text, subject, keys.pop()) if text else None)
            for line, said, facts, text in read
        ]
        texts = dict(rows[0].values)
        agreed = True
        for row in rows[1:]:
            if row.values is not rows[0].values and row.values != rows[0].values:
                agreed = False
                texts = row.values | texts
        numbers = {name: keys.pop() for name in texts}
        sealed: dict[str, Sealed] = {}
        ready = None
        if agreed and self.setup.finish is not None:
            ready = self._ready(self.setup.finish, rows, subject, numbers)
        else:
            sealed = {
                name: self.value(name, text, subject, numbers[name]) for name, text in texts.items()
            }
        return Group(account, self.lookup(ACCOUNT, account), subject, rows, sealed, ready)

    def _ready(
        self, finish: Finish, rows: list[Row], subject: int, numbers: dict[str, int]
    ) -> Ready:
        facts = rows[0].facts
        day = (facts.given_on or facts.started_on or finish.today).isoformat().encode()
        data_end = b"\t%b%b" % (day, finish.datum_end)
        data: list[bytes] = []
        vault: list[bytes] = []
        index: list[bytes] = []
        for name, text in rows[0].values.items():
            sealed = self.value(name, text, subject, numbers[name])
            category = self.setup.column(name).category
            data.append(
                b"%%d\t%d\t%b\t%b\t\\\\x%b\t%d"
                % (
                    subject,
                    b"%d" % category if category else b"\\N",
                    b"t" if name == ACCOUNT else b"f",
                    hexlify(sealed.raw),
                    sealed.key,
                )
            )
            vault.append(self._key_line(finish, sealed, self.datum_kind, subject, category))
            if sealed.tokens:
                key = _TOKEN_KEY.pack(8, sealed.key)
                index += [
                    b"%b%b%b" % (_TOKEN_START, token, key) for (token,) in _TOKENS(sealed.tokens)
                ]
        for row in rows:
            if row.evidence is not None:
                kind = self.setup.kinds["evidence"]
                vault.append(self._key_line(finish, row.evidence, kind, subject, None))
        return Ready(numbers, data_end.join([*data, b""]), b"".join(vault), b"".join(index))

    @staticmethod
    def _key_line(
        finish: Finish, sealed: Sealed, kind: int, owner: int, category: int | None
    ) -> bytes:
        """A row of ``KEY_COLUMNS`` as PostgreSQL's binary COPY takes it."""
        start = _KEY_START.pack(8, 8, sealed.key, 2, kind, 8, owner)
        return b"".join(
            (
                start,
                _NULL if category is None else _BIG.pack(8, category),
                _WRAPPED.pack(sealing.WRAPPED_BYTES, sealed.wrapped, 2, finish.kek),
                _SMALL.pack(2, finish.search) if sealed.tokens else _NULL,
                _NULL,
            )
        )

    def value(self, name: str, text: str, owner: int, number: int) -> Sealed:
        """The value of a column under a new key of this number."""
        category = self.setup.column(name).category
        tokens = self.tokens(name, text)
        return self._sealed(
            text, number, self.datum_kind, owner, category, self.datum_label, tokens
        )

    def proof(self, text: str, owner: int, number: int) -> Sealed:
        """The evidence of a consent under a new key of this number."""
        kind, label = self.setup.kinds["evidence"], self.setup.labels["evidence"]
        return self._sealed(text, number, kind, owner, None, label, [])

    def _sealed(
        self,
        text: str,
        number: int,
        kind: int,
        owner: int,
        category: int | None,
        label: bytes,
        tokens: list[bytes],
    ) -> Sealed:
        # The bindings of subjects.vault.store, which a test holds against these.
        wrapped, raw = self.sealer.seal(
            text.encode(),
            bound_key=b"key:%d:%d:%d" % (kind, owner, category or 0),
            bound=b"%b:%d" % (label, number),
        )
        return Sealed(text, number, wrapped, raw, b"".join(tokens))

    def tokens(self, name: str, text: str) -> list[bytes]:
        """By what the value of a column is found, under the newest search key."""
        column = self.setup.column(name)
        found: set[bytes] = set()
        if column.category is not None and column.search == "words":
            # Word by word it is the same set, and words come again where whole names do not.
            for word in text.split():
                found |= self.word(column.format, word)
        elif column.category is not None:
            found |= self._of(index_terms(column.format, column.search, text))
        if name == ACCOUNT:
            found |= self._of(index_terms(values.ACCOUNT, "whole", text))
        return sorted(found)

    def _word(self, format: str, word: str) -> frozenset[bytes]:
        return self._of(index_terms(format, "words", word))

    def _of(self, terms: Iterable[Term]) -> frozenset[bytes]:
        token, realm = self.searches[0].token, self.setup.realm
        return frozenset([token(realm, kind, term) for kind, term in terms])

    def lookup(self, name: str, text: str) -> list[bytes]:
        """The tokens of a whole value under every search key in use (two during a rotation)."""
        format = values.ACCOUNT if name == ACCOUNT else self.setup.column(name).format
        return [
            search.token(self.setup.realm, kind, term)
            for kind, term in index_terms(format, "whole", text)
            for search in self.searches
        ]


# --- the process ---------------------------------------------------------------------------------
def write(stream: IO[bytes], thing: Any) -> None:
    pickle.dump(thing, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


def main(source: IO[bytes], target: IO[bytes]) -> None:
    """Answer each chunk with what was prepared, or with the class of what went wrong."""
    preparing: Preparing | None = None
    # Almost nothing here is garbage in cycles, and looking for it takes half of the time.
    gc.disable()
    done = 0
    while True:
        try:
            job: Setup | Chunk = pickle.load(source)
        except EOFError:
            return
        if isinstance(job, Setup):
            preparing = Preparing(job)
            continue
        assert preparing is not None
        try:
            answer: Prepared | str = preparing.chunk(job)
        except Exception as error:
            # Its message and its traceback may quote a value.
            answer = type(error).__name__
        write(target, answer)
        done += 1
        if done % COLLECT_EVERY == 0:
            gc.collect()
