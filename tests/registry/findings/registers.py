"""Registers for the tests of findings: ``clean(law)`` is complete, and no check has a word on it.

A test changes one thing and looks at what is found: ``with_row(register, "activities",
"support", mode="")``, ``plus(register, "systems", System(...))``, ``without(register,
"retention", "support")``, ``with_card(register, inn="")``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from registry.findings import checks, find
from registry.findings.facts import (
    Activity,
    Aim,
    Basis,
    Card,
    Category,
    Claimed,
    Instruction,
    Measure,
    Moved,
    People,
    Policy,
    Receiver,
    Register,
    Retention,
    Signed,
    Step,
    System,
    Term,
    Way,
    Wording,
)

TODAY = date(2026, 11, 22)
DPO = 1  # the number of the person; in an office it is another one
ABROAD = {"RU": "KZ", "KZ": "RU"}

BASES = {
    basis.code: basis
    for basis in (
        Basis("RU.6.1.1", "RU", "6(1)(1)", "consent", None),
        Basis("RU.6.1.2", "RU", "6(1)(2)", "law", None),
        Basis("RU.6.1.5", "RU", "6(1)(5)", "contract", None),
        Basis("RU.6.1.7", "RU", "6(1)(7)", "legitimate_interest", None),
        Basis("RU.6.1.10", "RU", "6(1)(10)", "public_data", date(2021, 3, 1)),
        Basis("RU.6.1.11", "RU", "6(1)(11)", "publication_by_law", None),
        Basis("RU.10.2.1", "RU", "10(2)(1)", "special_category", None),
        Basis("RU.10.1", "RU", "10.1", "dissemination_consent", None),
        Basis("RU.11.1", "RU", "11(1)", "biometric", None),
        Basis("KZ.7.1", "KZ", "7(1), 8", "consent", None),
        Basis("KZ.7.5", "KZ", "7(5)", "public_data", None),
        Basis("KZ.9.4", "KZ", "9(4)", "law", None),
        Basis("KZ.9.10", "KZ", "9(10)", "other_law", None),
    )
}
CONSENT = {"RU": "RU.6.1.1", "KZ": "KZ.7.1"}
BY_LAW = {"RU": "RU.6.1.2", "KZ": "KZ.9.10"}

OPERATIONS = frozenset({"collection", "recording", "storage", "use", "provision", "destruction"})


def clean(law: str) -> Register:
    """A complete register of an operator under that law, on which no check fires."""
    return Register(
        operator=_card(law),
        today=TODAY,
        people=(
            People("client", "Clients", "client"),
            People("employee", "Employees", "employee"),
        ),
        categories=(
            Category("full_name", "Full name", "ordinary", "name", False, "3.1"),
            Category("email", "E-mail address", "ordinary", "email", False, "3.1"),
            Category("position", "Position", "ordinary", "text", False, "3.1"),
        ),
        purposes=(
            Aim("support", "Support of clients", frozenset({"email"}), frozenset(), None),
            Aim("employment", "Employment", frozenset(), frozenset(), None),
        ),
        systems=(
            System("crm", "CRM", f"https://crm.alfa.{law.lower()}/login", law),
            System("payroll", "Payroll", "", law),
        ),
        recipients=(
            Receiver("hosting", "Hosting", "processor", law),
            Receiver("partner", "Partner", "third_party", ABROAD[law]),
            Receiver("tax", "Tax office", "state_body", law),
        ),
        activities=(
            Activity(
                code="support",
                name="Support of clients",
                purpose="support",
                people=frozenset({"client"}),
                categories=frozenset({"full_name", "email"}),
                bases=frozenset({CONSENT[law]}),
                systems=frozenset({"crm"}),
                recipients=frozenset({"hosting", "partner"}),
                operations=OPERATIONS,
                collection_ways=frozenset({"web_form"}),
                mode="automated",
                balance_note="",
                review_on=date(2027, 6, 1),
                started_on=date(2025, 1, 9),
                ended_on=None,
            ),
            Activity(
                code="employment",
                name="Employment",
                purpose="employment",
                people=frozenset({"employee"}),
                categories=frozenset({"full_name", "position"}),
                bases=frozenset({BY_LAW[law]}),
                systems=frozenset({"payroll"}),
                recipients=frozenset({"tax"}),
                operations=OPERATIONS,
                collection_ways=frozenset({"written"}),
                mode="mixed",
                balance_note="",
                review_on=date(2027, 6, 1),
                started_on=date(2025, 1, 9),
                ended_on=None,
            ),
        ),
        claimed=(Claimed("consent", "Consent of the person", "4.1", "", CONSENT[law]),),
        retention=(
            Retention("support", "support", "purpose_achieved", None, "", "destroy", False, ""),
            Retention("withdrawn", "", "consent_withdrawn", None, "", "destroy", False, ""),
            Retention("requests", "", "request_closed", 3, "year", "destroy", False, ""),
        ),
        measures=tuple(
            Measure(topic, name, kind, topic, date(2027, 3, 1), f"Order {number} of 12.01.2026")
            for number, (topic, name, kind) in enumerate(
                (
                    ("breach_procedure", "What to do in an incident", "organisational"),
                    ("access_rules", "Who has access", "organisational"),
                    ("internal_control", "Internal control", "organisational"),
                    ("harm_assessment", "Assessment of harm", "legal"),
                    ("training", "Briefing of staff", "organisational"),
                    ("event_log", "Log of actions", "technical"),
                ),
                start=1,
            )
        ),
        transfers=(
            _moved("to_hosting", "hosting", CONSENT[law], "none"),
            _moved("to_partner", "partner", CONSENT[law], "notice" if law == "RU" else "none"),
        ),
        instructions=(
            Instruction(
                number="7",
                recipient="hosting",
                activities=frozenset({"support"}),
                categories=frozenset({"full_name", "email"}),
                missing=(),
                in_force=True,
            ),
        ),
        consents=(
            Wording(
                code="support",
                name="Consent to support",
                version=1,
                activities=frozenset({"support"}),
                categories=frozenset({"full_name", "email"}),
                third_parties=True,
                cross_border=True,
                dissemination=False,
                has_end=True,
                withdrawal_channels=frozenset(
                    {"email", "post", "state_service", "non_state_service", "any_provable"}
                ),
                separate_document=True,
            ),
        ),
        terms=_terms(law),
        channels=(Way("email", "any", f"privacy@alfa.{law.lower()}", "6.1"),),
        papers=_papers(law),
        steps=(Step("access", "Who has access", date(2027, 1, 20), checker=DPO),),
        policy=Policy(
            number=1,
            in_force_on=date(2026, 1, 12),
            languages=_LANGUAGES[law],
            gaps=(),
        ),
        bases=BASES,
        protecting=frozenset({ABROAD[law]}),
        authorities=_AUTHORITIES[law],
    )


def _papers(law: str) -> tuple[Signed, ...]:
    """What the law wants signed; the notice of Russia's operators is filed as well."""
    day = date(2026, 1, 20)
    data = frozenset({"full_name", "email", "position"})
    plan = Signed("control_plan", day, steps=(("access", 12, DPO),))
    if law == "KZ":
        return (
            Signed("size_class", day, size="small", restricted=False),
            Signed("data_list", day, categories=data),
            plan,
        )
    return (
        Signed("notice_start", day, filed_on=date(2026, 1, 21)),
        Signed("harm", day, activity="employment", degree="none"),
        # Consents that come by a form on the website identify nobody.
        Signed("harm", day, activity="support", degree="medium"),
        plan,
    )


_LANGUAGES = {"RU": frozenset({"ru"}), "KZ": frozenset({"ru", "kk"})}
_AUTHORITIES = {
    "RU": {"RU.RKN": "personal_data"},
    "KZ": {"KZ.MAIDD": "personal_data", "KZ.CPC": "consumer_protection"},
}


def _card(law: str) -> Card:
    zone = law.lower()
    return Card(
        code="alfa",
        name="Alfa LLC",
        jurisdiction=law,
        country=law,
        also_under=frozenset(),
        bin="971240001315" if law == "KZ" else "",
        inn="7707083893" if law == "RU" else "",
        address="1 First Street",
        website=f"https://alfa.{zone}",
        email=f"info@alfa.{zone}",
        requests_email=f"privacy@alfa.{zone}",
        mailbox_country=law,
        policy_address=f"https://alfa.{zone}/policy",
        languages=_LANGUAGES[law],
        responsible=True,
        staff=2,
    )


def _moved(code: str, recipient: str, basis: str, gate: str) -> Moved:
    return Moved(
        code=code,
        name=code.replace("_", " ").capitalize(),
        recipient=recipient,
        activity="support",
        categories=frozenset({"full_name", "email"}),
        basis=basis,
        gate=gate,
        open=True,
        banned=False,
        filed=gate in ("notice", "wait"),
    )


def _terms(law: str) -> tuple[Term, ...]:
    """Terms of the statute, each read by a lawyer this year."""
    rows = {
        "RU": (
            ("RU.SUBJ.ACCESS", "request_received", "answer", 10, "working_day", "20(1)"),
            ("RU.PURPOSE.DESTROY", "purpose_achieved", "destroy", 30, "calendar_day", "21(4)"),
            ("RU.CONSENT.WITHDRAW", "consent_withdrawn", "destroy", 30, "calendar_day", "21(5)"),
            ("RU.REG.INQUIRY", "inquiry_received", "answer_authority", 10, "working_day", "20(4)"),
        ),
        "KZ": (
            ("KZ.SUBJ.INFO", "request_received", "answer", 3, "working_day", "25(2)(6)"),
            ("KZ.RETENTION.DESTROY", "purpose_achieved", "destroy", 1, "working_day", "18(1)"),
            (
                "KZ.CONSENT.WITHDRAW",
                "consent_withdrawn",
                "stop_or_refuse",
                15,
                "working_day",
                "8(7)",
            ),
        ),
    }
    return tuple(
        Term(
            code=code,
            source="statute",
            event=event,
            effect=effect,
            direction="due",
            length=length,
            unit=unit,
            article=article,
            verification="confirmed",
            verified_on=date(2026, 6, 1),
        )
        for code, event, effect, length, unit, article in rows[law]
    )


# One change at a time


def with_card(register: Register, **changes: Any) -> Register:
    """The register with other particulars of the operator."""
    return replace(register, operator=replace(register.operator, **changes))


def with_row(register: Register, table: str, code: str, **changes: Any) -> Register:
    """The register with one row of a table changed; a row that is not there is an error.

    ``table``: the name in ``Register``; ``code``: of the row (the number of an
    instruction, the channel of a way).
    """
    rows = getattr(register, table)
    if code not in {_name(row) for row in rows}:
        raise KeyError(f"{table}: {code}")
    changed = tuple(replace(row, **changes) if _name(row) == code else row for row in rows)
    return _with(register, table, changed)


def with_basis(register: Register, code: str, **changes: Any) -> Register:
    """The register where one article of the law is another than it is."""
    return replace(
        register, bases={**register.bases, code: replace(register.bases[code], **changes)}
    )


def plus(register: Register, table: str, *rows: Any) -> Register:
    """The register with rows added to a table."""
    return _with(register, table, getattr(register, table) + rows)


def without(register: Register, table: str, *codes: str) -> Register:
    """The register less these rows of a table; without codes, less all of them."""
    rows = getattr(register, table)
    strangers = set(codes) - {_name(row) for row in rows}
    if strangers:
        raise KeyError(f"{table}: {', '.join(sorted(strangers))}")
    kept = tuple(row for row in rows if codes and _name(row) not in codes)
    return _with(register, table, kept)


def _with(register: Register, table: str, rows: tuple[Any, ...]) -> Register:
    changes: dict[str, Any] = {table: rows}
    return replace(register, **changes)


def _name(row: Any) -> str:
    if isinstance(row, Instruction):
        return row.number
    return row.channel if isinstance(row, Way) else str(row.code)


# Tables of cases


@dataclass(frozen=True, slots=True)
class Case:
    """A change after which a check says something about ``object``.

    ``clears``: what mends it; None: taking the change back, so the clean register clears it.
    """

    id: str
    law: str
    change: Callable[[Register], Register]
    object: str
    clears: Callable[[Register], Register] | None = None

    def __str__(self) -> str:
        return f"{self.id}-{self.law}-{self.object}"

    @property
    def fired(self) -> Register:
        return self.change(clean(self.law))

    @property
    def cleared(self) -> Register:
        return clean(self.law) if self.clears is None else self.clears(self.fired)


def keys(register: Register) -> set[tuple[str, str]]:
    """What is found: pairs of the check's id and the object."""
    assert checks.MODULES
    return {found.key for found in find(register)}


def ids(register: Register) -> set[str]:
    """The checks that find something."""
    return {found.check.id for found in find(register)}


def fires_and_clears(case: Case) -> None:
    """The check speaks of the object after the change, and no longer after the mending."""
    before, fired, cleared = keys(clean(case.law)), keys(case.fired), keys(case.cleared)
    assert before == set()
    assert (case.id, case.object) in fired
    assert (case.id, case.object) not in cleared
