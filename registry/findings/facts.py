"""An operator's register as findings read it: plain rows, names in one language. No Django.

Codes of choices are those of ``registry.choices``; sets hold the codes of other rows. ``today``
is the operator's day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Basis:
    """An article that permits processing, of whichever law."""

    code: str
    jurisdiction: str
    article: str
    kind: str
    closed_on: date | None


@dataclass(frozen=True, slots=True)
class People:
    """A subject category."""

    code: str
    name: str
    relation: str


@dataclass(frozen=True, slots=True)
class Category:
    """A data category."""

    code: str
    name: str
    kind: str
    format: str
    open_ended: bool
    clause: str


@dataclass(frozen=True, slots=True)
class Aim:
    """A purpose."""

    code: str
    name: str
    contact_by: frozenset[str]
    incompatible: frozenset[str]
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class System:
    """An information system; ``country``: two letters, empty when not known."""

    code: str
    name: str
    address: str
    country: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A source that still carries people whom an act destroyed; ``name``: empty, of a file."""

    code: str
    name: str
    act: str
    rows: int
    last_on: date


@dataclass(frozen=True, slots=True)
class Receiver:
    """A recipient; ``country``: two letters, empty when not known."""

    code: str
    name: str
    kind: str
    country: str


@dataclass(frozen=True, slots=True)
class Activity:
    """A row of the register of processing."""

    code: str
    name: str
    purpose: str
    people: frozenset[str]
    categories: frozenset[str]
    bases: frozenset[str]
    systems: frozenset[str]
    recipients: frozenset[str]
    operations: frozenset[str]
    collection_ways: frozenset[str]
    mode: str
    balance_note: str
    review_on: date | None
    started_on: date | None
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the policy says its ground is; ``basis``: the code of an article, or empty."""

    code: str
    words: str
    clause: str
    purpose: str
    basis: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A fact that the policy states."""

    topic: str
    code: str
    clause: str
    words: str

    @property
    def object(self) -> str:
        return f"claim:{self.topic}/{self.code}/{self.clause}"


@dataclass(frozen=True, slots=True)
class Retention:
    """A retention rule; ``activity`` empty: for all of them."""

    code: str
    activity: str
    event: str
    length: int | None
    unit: str
    after: str
    automatic: bool
    article: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A security measure."""

    code: str
    name: str
    kind: str
    topic: str
    review_on: date | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A transfer to a recipient; ``gate``: of ``registry.choices.Gate``.

    ``ended``: it is over, or was given up; on its last day it is still open. ``filed``: the
    authority was notified of it.
    """

    code: str
    name: str
    recipient: str
    activity: str
    categories: frozenset[str]
    basis: str
    gate: str
    open: bool
    banned: bool
    ended: bool = False
    filed: bool = False


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a processor was told; ``missing``: what 152-FZ 6(3) wants and it does not say,
    by the names of ``registry.services.instructions.CONTENTS``."""

    number: str
    recipient: str
    activities: frozenset[str]
    categories: frozenset[str]
    missing: tuple[str, ...]
    in_force: bool


@dataclass(frozen=True, slots=True)
class Wording:
    """The published text of a consent that is in force today."""

    code: str
    name: str
    version: int
    activities: frozenset[str]
    categories: frozenset[str]
    third_parties: bool | None
    cross_border: bool | None
    dissemination: bool | None
    has_end: bool
    withdrawal_channels: frozenset[str]
    separate_document: bool


@dataclass(frozen=True, slots=True)
class Term:
    """A version of a deadline rule that is in force today, of the law or a promise.

    ``length``: None where it has none (immediately, with the event). ``own``: of a promise, that
    this operator made it; False where the office makes it for all.
    """

    code: str
    source: str
    event: str
    effect: str
    direction: str
    length: int | None
    unit: str
    article: str
    verification: str
    verified_on: date | None
    own: bool = True


@dataclass(frozen=True, slots=True)
class Way:
    """A channel in which the policy lets people write."""

    channel: str
    intake: str
    address: str
    clause: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The version of the policy that is in force today.

    ``languages``: those it is published in; ``gaps``: numbers of clauses that are missing.
    """

    number: int
    in_force_on: date
    languages: frozenset[str]
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed paper of the register (``registry.choices.RegisterPaperKind``).

    ``filed_on``: when it went to the authority, ``filed_order``: which of two filings of one day
    is the later. Of a list of data its ``categories``, of an act of harm its ``degree``, of a size
    class the class and whether it says that data of restricted access are used, of a notice of
    the end its ``ceased_on``, of a plan of control its ``steps`` (code, every so many months,
    number of the person responsible); empty for the others.
    """

    kind: str
    signed_on: date
    activity: str = ""
    filed_on: date | None = None
    categories: frozenset[str] = frozenset()
    degree: str = ""
    size: str = ""
    restricted: bool | None = None
    ceased_on: date | None = None
    steps: tuple[tuple[str, int, int], ...] = ()
    # A number of the office that orders papers, and nothing that this one says.
    filed_order: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of internal control that goes on.

    ``responsible``: whoever checks it is still on the staff; ``checker``: the number of that
    person.
    """

    code: str
    name: str
    next_on: date
    responsible: bool = True
    every_months: int = 12
    checker: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """The operator; ``country``: of its law, ``mailbox_country``: empty when not known.

    ``unsworn``: how many of the staff are to see people's data and have signed no undertaking.
    """

    code: str
    name: str
    jurisdiction: str
    country: str
    also_under: frozenset[str]
    bin: str
    inn: str
    address: str
    website: str
    email: str
    requests_email: str
    mailbox_country: str
    policy_address: str
    languages: frozenset[str]
    responsible: bool
    staff: int
    unsworn: int = 0


@dataclass(frozen=True, slots=True)
class Register:
    """Everything that findings judge, of one operator on one day."""

    operator: Card
    today: date
    people: tuple[People, ...] = ()
    categories: tuple[Category, ...] = ()
    purposes: tuple[Aim, ...] = ()
    systems: tuple[System, ...] = ()
    recipients: tuple[Receiver, ...] = ()
    activities: tuple[Activity, ...] = ()
    claimed: tuple[Claimed, ...] = ()
    claims: tuple[Claim, ...] = ()
    retention: tuple[Retention, ...] = ()
    measures: tuple[Measure, ...] = ()
    transfers: tuple[Moved, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    consents: tuple[Wording, ...] = ()
    terms: tuple[Term, ...] = ()
    channels: tuple[Way, ...] = ()
    papers: tuple[Signed, ...] = ()
    steps: tuple[Step, ...] = ()
    returned: tuple[Returned, ...] = ()
    policy: Policy | None = None
    bases: Mapping[str, Basis] = field(default_factory=dict)
    # Countries that the operator's law holds to protect data; its own is not among them.
    protecting: frozenset[str] = frozenset()
    # Bodies of the operator's state -> what they supervise (``registry.choices.Supervises``).
    authorities: Mapping[str, str] = field(default_factory=dict)

    @property
    def live(self) -> tuple[Activity, ...]:
        """The activities that go on today: neither they nor their purpose are over."""
        ended = {aim.code for aim in self.purposes if aim.ended_on and aim.ended_on <= self.today}
        return tuple(
            row
            for row in self.activities
            if row.purpose not in ended and (row.ended_on is None or row.ended_on > self.today)
        )

    @property
    def begun(self) -> tuple[Activity, ...]:
        """Those that go on and are not only planned: a gate cannot open before the activity."""
        return tuple(
            row for row in self.live if row.started_on is None or row.started_on <= self.today
        )

    def paper(self, *kinds: str, activity: str = "", filed: bool = False) -> Signed | None:
        """The last signed paper of these kinds; ``filed``: the last that was filed."""
        # Of two that were signed on one day the later one, which stands behind it.
        found = [
            row
            for row in reversed(self.papers)
            if row.kind in kinds and row.activity == activity and (row.filed_on or not filed)
        ]
        if filed:
            return max(found, key=lambda row: (row.filed_on, row.filed_order), default=None)
        return max(found, key=lambda row: row.signed_on, default=None)

    def claim(self, topic: str, *codes: str) -> tuple[Claim, ...]:
        """What the policy states about a topic, by the codes of the facts."""
        return tuple(row for row in self.claims if row.topic == topic and row.code in codes)
