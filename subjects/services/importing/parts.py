"""What passes between the importing process and its workers. No Django, no database."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from registry.errors import OperatorError

ACCOUNT = "account"
FACTS = (
    "activity", "basis", "started_on", "accepted_at", "consent_text", "scopes", "channel",
    "evidence",
)  # fmt: skip
# The columns of the lines in ``Ready``; those of a datum end in what is the same for all.
DATUM_COLUMNS = (
    "id", "subject_id", "category_id", "identity", "value", "value_key", "collected_on",
)  # fmt: skip
KEY_COLUMNS = ("id", "kind", "owner", "category", "wrapped", "kek", "search", "destroy_on")
TOKEN_COLUMNS = ("token", "key")

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

    def column(self, name: str) -> Column:
        return self.account if name == ACCOUNT else self.columns[name]

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
    """What COPY takes for a person who is new, when each of the rows is taken.

    ``keys``: under which number each column's value is sealed. ``data``: lines with a ``%d`` for
    the number of each datum. ``vault`` and ``tokens``: rows of the binary format.
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
