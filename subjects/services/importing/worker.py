"""What a worker process does with a chunk: parse, check, make tokens, seal. No Django, no database.

Started as ``python -m subjects.services.importing``; setup, chunks and results pass through
its pipes, and so do the keys: never an argument, never the environment, never a file. When the
importing process dies, the pipe ends and the worker with it.

Every person of a chunk is sealed as if new, under numbers that were reserved before. Whoever is
known already is compared by the importing process, and those numbers are never used. On
PostgreSQL a person whose rows agree comes as finished lines of COPY (``Ready``).
"""

from __future__ import annotations

import csv
import gc
import pickle
import re
from binascii import hexlify
from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache, partial
from operator import itemgetter
from typing import IO, Any, NamedTuple
from zoneinfo import ZoneInfo

from registry.errors import OperatorError
from subjects import sealing, values
from subjects.folding import Term, index_terms
from subjects.services.importing import errors

ACCOUNT = "account"
FACTS = (
    "activity", "basis", "started_on", "accepted_at", "consent_text", "scopes", "channel",
    "evidence",
)  # fmt: skip
COLLECT_EVERY = 20
# The columns of the lines in ``Ready``; those of a datum end in what is the same for all.
DATUM_COLUMNS = (
    "id", "subject_id", "category_id", "identity", "value", "value_key", "collected_on",
)  # fmt: skip
KEY_COLUMNS = ("id", "kind", "owner", "category", "wrapped", "kek", "search", "destroy_on")
TOKEN_COLUMNS = ("token", "key")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")

# A refusal as data: template and parameters, for a sentence in the reader's language.
Reason = tuple[str, dict[str, Any]]


class Column(NamedTuple):
    """A column of values: the data category that it fills."""

    name: str
    category: int | None
    format: str
    search: str


class Finish(NamedTuple):
    """What the finished lines need: numbers of the master keys, today, how a datum ends."""

    kek: int
    search: int
    today: date
    datum_end: bytes


class Setup(NamedTuple):
    """What a worker needs for a whole run; holds keys, so its repr says nothing."""

    realm: int
    zone: str
    delimiter: str
    header: tuple[str, ...]
    account: Column
    columns: dict[str, Column]
    kek: bytes
    # Newest first: tokens are made with the first, known accounts are looked up with all.
    searches: tuple[bytes, ...]
    labels: dict[str, bytes]
    kinds: dict[str, int]
    # None: no lines are wanted.
    finish: Finish | None

    def __repr__(self) -> str:
        return "<setup>"


class Chunk(NamedTuple):
    """Records as (line, bytes), and the numbers that may be used."""

    records: list[tuple[int, bytes]]
    subjects: list[int]
    keys: list[int]

    def __repr__(self) -> str:
        return f"<{len(self.records)} records>"


class Sealed(NamedTuple):
    """A value under a key of its own; ``tokens`` stand end to end, which passes a pipe quicker."""

    text: str
    key: int
    wrapped: bytes
    raw: bytes
    tokens: bytes

    def __repr__(self) -> str:
        return "<sealed>"


class Facts(NamedTuple):
    """Why the row's data may be held, as the row says it; the register has not been asked."""

    activity: str
    basis: str
    text: str
    scopes: str
    channel: str
    started_on: date | None
    given_at: datetime | None
    given_on: date | None
    proven: bool

    def __repr__(self) -> str:
        return "<facts>"


class Row(NamedTuple):
    """A row of which each cell is right; ``evidence`` stands under a key of its own."""

    line: int
    values: dict[str, str]
    facts: Facts
    evidence: Sealed | None

    def __repr__(self) -> str:
        return f"<row {self.line}>"


# A row before anything of it is sealed: line, values, facts, evidence.
Read = tuple[int, dict[str, str], Facts, str]


class Ready(NamedTuple):
    """Lines of COPY for a person who is new, when each of the rows is taken.

    ``data`` has a ``%d`` for the number of each datum; ``keys``: under which number each column's
    value is sealed.
    """

    keys: dict[str, int]
    data: bytes
    vault: bytes
    tokens: bytes

    def __repr__(self) -> str:
        return "<ready>"


class Group(NamedTuple):
    """The rows of one account in a chunk, in their order; its values as if new.

    Either ``ready`` or ``sealed``, column by column.
    """

    account: str
    tokens: list[bytes]
    subject: int
    rows: list[Row]
    sealed: dict[str, Sealed]
    ready: Ready | None

    def __repr__(self) -> str:
        return f"<group of {len(self.rows)}>"


class Reject(NamedTuple):
    line: int
    column: str
    reason: str
    params: dict[str, Any]


class Prepared(NamedTuple):
    groups: list[Group]
    rejects: list[Reject]
    rejected: int
    subjects_left: list[int]
    keys_left: list[int]

    def __repr__(self) -> str:
        return f"<{len(self.groups)} groups>"


def refusal(line: int, column: str, error: OperatorError) -> Reject:
    return Reject(line, column, error.template, error.params)


class Preparing:
    """Prepares chunk after chunk of one run."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.zone = ZoneInfo(setup.zone)
        self.check = lru_cache(maxsize=20_000)(values.check)
        self.word = lru_cache(maxsize=20_000)(self._word)
        self.moment = lru_cache(maxsize=5_000)(self._moment)
        places = [place for place, name in enumerate(setup.header) if name not in FACTS]
        self.said_in = itemgetter(*places)
        # The cells of the row before, and what they said: an account's rows mostly repeat them.
        self.before: tuple[Any, dict[str, str]] = (None, {})
        self.day = lru_cache(maxsize=5_000)(self._day)
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
            read = self._row(line, raw, wrong)
            if wrong:
                rejects += wrong
                rejected += 1
            elif read is not None:
                found.setdefault(read[1][ACCOUNT], []).append(read)
        groups = [
            self._group(account, rows, subjects.pop(), keys) for account, rows in found.items()
        ]
        return Prepared(groups, rejects, rejected, subjects, keys)

    # --- reading a row -------------------------------------------------------------------------
    def _row(self, line: int, raw: bytes, wrong: list[Reject]) -> Read | None:
        """The row with its values checked; None for an empty line, or when ``wrong`` says why."""
        cells = self._cells(line, raw, wrong)
        if cells is None:
            return None
        told = self.said_in(cells)
        said = self.before[1] if told == self.before[0] else self._said(line, cells, wrong)
        facts = {
            name: cell.strip()
            for name, cell in zip(self.setup.header, cells, strict=True)
            if name in FACTS
        }
        read, evidence = self._facts(line, facts, wrong)
        if wrong:
            return None
        self.before = (told, said)
        return line, said, read, evidence

    def _said(self, line: int, cells: list[str], wrong: list[Reject]) -> dict[str, str]:
        """The values of the row, each checked by the format of its category."""
        said: dict[str, str] = {}
        for name, cell in zip(self.setup.header, cells, strict=True):
            if name in FACTS or not cell or cell.isspace():
                continue
            try:
                # A cell under an unnamed column is one cell too many.
                if not name:
                    raise errors.CellsWrong(cells=len(cells), wanted=len(cells) - 1)
                said[name] = self.check(self.column(name).format, cell)
            except OperatorError as error:
                wrong.append(refusal(line, name, error))
        if ACCOUNT not in said and not any(reject.column == ACCOUNT for reject in wrong):
            wrong.append(refusal(line, ACCOUNT, errors.CellMissing()))
        return said

    def _cells(self, line: int, raw: bytes, wrong: list[Reject]) -> list[str] | None:
        text = raw.decode().rstrip("\r\n")
        if not text.strip():
            return None
        if '"' in text:
            try:
                rows = list(csv.reader([text], delimiter=self.setup.delimiter, strict=True))
            except csv.Error:
                rows = []
            if len(rows) != 1:
                wrong.append(refusal(line, "", errors.QuotesWrong()))
                return None
            cells = rows[0]
        else:
            cells = text.split(self.setup.delimiter)
        wanted = len(self.setup.header)
        if len(cells) != wanted:
            wrong.append(refusal(line, "", errors.CellsWrong(cells=len(cells), wanted=wanted)))
            return None
        return cells

    def _facts(self, line: int, facts: dict[str, str], wrong: list[Reject]) -> tuple[Facts, str]:
        def attempt(name: str, read: Any, *args: Any) -> Any:
            if not facts.get(name):
                return None
            try:
                return read(facts[name], *args)
            except OperatorError as error:
                wrong.append(refusal(line, name, error))
                return None

        started_on = attempt("started_on", self.day)
        given_at, given_on = attempt("accepted_at", self.moment) or (None, None)
        evidence = attempt("evidence", partial(self.check, values.TEXT)) or ""
        found = Facts(
            activity=facts.get("activity", ""),
            basis=facts.get("basis", ""),
            text=facts.get("consent_text", ""),
            scopes=facts.get("scopes", ""),
            channel=facts.get("channel", ""),
            started_on=started_on,
            given_at=given_at,
            given_on=given_on,
            proven=bool(evidence),
        )
        return found, evidence

    @staticmethod
    def _day(text: str) -> date:
        try:
            if _DAY.fullmatch(text):
                return date.fromisoformat(text)
        except ValueError:
            pass
        raise errors.DayWrong()

    def _moment(self, text: str) -> tuple[datetime, date]:
        """A moment and its day with the operator; without a zone it is the operator's own time."""
        moment = datetime.fromisoformat(values.check(values.MOMENT, text))
        local = moment if moment.tzinfo else moment.replace(tzinfo=self.zone)
        try:
            # The first and the last hours of the calendar have no date in every zone.
            return local, local.astimezone(self.zone).date()
        except OverflowError:
            raise errors.DayWrong() from None

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
            category = self.column(name).category
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
                after = b"\t%d\n" % sealed.key
                tokens = hexlify(sealed.tokens, "\n", -sealing.TOKEN_BYTES)
                index.append(b"\\\\x" + tokens.replace(b"\n", after + b"\\\\x") + after)
        for row in rows:
            if row.evidence is not None:
                kind = self.setup.kinds["evidence"]
                vault.append(self._key_line(finish, row.evidence, kind, subject, None))
        return Ready(numbers, data_end.join([*data, b""]), b"".join(vault), b"".join(index))

    @staticmethod
    def _key_line(
        finish: Finish, sealed: Sealed, kind: int, owner: int, category: int | None
    ) -> bytes:
        return b"%d\t%d\t%d\t%b\t\\\\x%b\t%d\t%b\t\\N\n" % (
            sealed.key,
            kind,
            owner,
            b"%d" % category if category else b"\\N",
            hexlify(sealed.wrapped),
            finish.kek,
            b"%d" % finish.search if sealed.tokens else b"\\N",
        )

    def value(self, name: str, text: str, owner: int, number: int) -> Sealed:
        """The value of a column under a new key of this number."""
        category = self.column(name).category
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

    def column(self, name: str) -> Column:
        return self.setup.account if name == ACCOUNT else self.setup.columns[name]

    def tokens(self, name: str, text: str) -> list[bytes]:
        """By what the value of a column is found, under the newest search key."""
        column = self.column(name)
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
        format = values.ACCOUNT if name == ACCOUNT else self.column(name).format
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
