"""What the policy says of transfers, publication, sources and itself, against law and register."""

from __future__ import annotations

import re
from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Activity, Claim, Register
from registry.findings.law import TITLES, article, under
from registry.findings.reading import bygone, bygone_recipients, listed, rows_abroad

GIVEN = frozenset({"transfer", "dissemination", "provision", "access"})
# Clauses that speak of giving data to others as of something that happens.
SPEAKS_OF_TRANSFER = (
    (
        "third_party_transfer",
        "services_by_their_own_terms",
        "third_party_consent_in_the_policy",
        "needed_for_the_offer",
        "improving_the_website",
    ),
    (
        "cross_border",
        "cross_border_consent_in_the_policy",
        "notify_beforehand",
        "separate_notification",
        "information_beforehand",
    ),
    ("principle", "operations_performed"),
)
WRONG_BODIES = ("consumer_protection", "other")
NARROW_CIRCLES = ("registered", "registered_or_paid")
# Definitions of 152-FZ that 94-V has otherwise: article of 94-V.
COPIED = (
    ("publication", "definition_dissemination", "1(15)"),
    ("dissemination_limits", "definition_permitted", "1(15)"),
    ("third_party_transfer", "definition_provision", "1(15)"),
    ("cross_border", "definition", "16(1)"),
)
LAW_CLAIMS = {"law_152fz": "RU", "law_94v": "KZ"}


def _clauses(rows: tuple[Claim, ...]) -> str:
    """Their clauses in the order of the policy: 9 comes before 10."""
    clauses = {row.clause for row in rows}
    return ", ".join(sorted(clauses, key=_place))


def _place(clause: str) -> tuple[list[int], str]:
    return [int(number) for number in re.findall(r"\d+", clause)], clause


# --- "never" -------------------------------------------------------------------------------------
@check(
    "CLM-011",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s says that data are never given to third parties, but the register has "
        "recipients: %(recipients)s."
    ),
    clears=_("Say in the policy who receives data and why, or give data to none of them."),
)
def never_but_recipients(register: Register) -> Iterator[Hit]:
    """Those who get data today, and those whom the policy names though no activity does; not those
    who got them once, for no one can take them out of the register any more."""
    over = bygone_recipients(register)
    others = [
        row for row in register.recipients if row.kind != "state_body" and row.code not in over
    ]
    for row in register.claim("third_party_transfer", "never"):
        if others:
            where = article(register, RU="7, 18.1(1)(2)", KZ="8(4)(4), 25(2)(1-1)")
            yield hit(row.object, where, clause=row.clause, recipients=listed(others))


@check(
    "CLM-012",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s says that data are never given to third parties, but these activities "
        "transfer them: %(activities)s."
    ),
    clears=_("Take the transfer out of the activity where there is none, or change the policy."),
)
def never_but_transferred(register: Register) -> Iterator[Hit]:
    state = {row.code for row in register.recipients if row.kind == "state_body"}
    giving = [row for row in register.live if _gives(row, state)]
    for row in register.claim("third_party_transfer", "never"):
        if giving:
            where = article(register, RU="7, 18.1(1)(2)", KZ="8(4)(4), 25(2)(1-1)")
            yield hit(row.object, where, clause=row.clause, activities=listed(giving))


def _gives(activity: Activity, state: set[str]) -> bool:
    """Whether it gives data to somebody else than bodies of the state, which the law entitles."""
    only_to_the_state = bool(activity.recipients) and activity.recipients <= state
    return bool(activity.operations & GIVEN) and not only_to_the_state


@check(
    "CLM-013",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s says that data are never given to third parties, but other clauses "
        "speak of such transfers: %(clauses)s."
    ),
    clears=_("Make the policy say one thing, then delete the claims that are gone."),
)
def never_but_other_clauses(register: Register) -> Iterator[Hit]:
    told = tuple(
        row for topic, *codes in SPEAKS_OF_TRANSFER for row in register.claim(topic, *codes)
    )
    for row in register.claim("third_party_transfer", "never"):
        if told:
            where = article(register, RU="7, 18.1(1)(2)", KZ="8(4)(4), 25(2)(1-1)")
            yield hit(row.object, where, clause=row.clause, clauses=_clauses(told))


@check(
    "CLM-030",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s says that data never leave the country, but the register has systems "
        "or recipients abroad: %(rows)s."
    ),
    clears=_("Bring the data home, or say in the policy to which countries they go."),
)
def never_abroad(register: Register) -> Iterator[Hit]:
    """What stood abroad once and is used no more speaks against nothing: see CLM-011."""
    rows = rows_abroad(
        register,
        systems={row.code for row in register.systems} - bygone(register, "systems"),
        recipients={row.code for row in register.recipients} - bygone_recipients(register),
    )
    for row in register.claim("cross_border", "never"):
        if rows.names:
            where = article(register, RU="12, 18.1(1)(2)", KZ="16, 25(2)(1-1)")
            yield hit(row.object, where, clause=row.clause, rows=rows)


# --- publication and sources ---------------------------------------------------------------------
@check(
    "CLM-014",
    Severity.ERROR,
    message=_("Clause %(clause)s allows publication without a consent of the person to it."),
    clears=_(
        "Publish data only with a consent to publication; change the clause, then delete the claim."
    ),
)
def publication_without_consent(register: Register) -> Iterator[Hit]:
    for row in register.claim("publication", "if_purposes_require", "at_discretion"):
        where = article(register, RU="10.1(1)", KZ="7(3), 15, 24(1)(6)")
        yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-015",
    Severity.ERROR,
    message=_("By clause %(clause)s data are gathered from public sources."),
    clears=_(
        "Stop gathering them, or name the source and the ground of each kind of data; then "
        "delete the claim."
    ),
)
def public_sources(register: Register) -> Iterator[Hit]:
    for row in register.claim("data_source", "public_sources"):
        where = article(register, RU="6(1)(10), 10.1(2)", KZ="7(11)")
        yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-016",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s says that data come from people themselves, clause %(other)s that they "
        "come from public sources."
    ),
    clears=_("Name one source for each kind of data, then delete the claim that is gone."),
)
def two_sources(register: Register) -> Iterator[Hit]:
    public = register.claim("data_source", "public_sources")
    for row in register.claim("data_source", "from_users"):
        if public:
            where = article(register, RU="14(7)(5), 18(3)", KZ="24(1)(1)")
            yield hit(row.object, where, clause=row.clause, other=public[0].clause)


# --- who is who ----------------------------------------------------------------------------------
@check(
    "CLM-017",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s sends people to a body that does not supervise the processing of "
        "personal data."
    ),
    clears=_("Name the authority for personal data of this state, then change the claim."),
)
def wrong_body(register: Register) -> Iterator[Hit]:
    if "personal_data" not in register.authorities.values():
        # Nobody knows yet which body would be the right one.
        return
    for row in register.claim("complaint_body", *WRONG_BODIES):
        where = article(register, RU="17(1), 23", KZ="24(1), 27-1")
        yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-018",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s counts only some visitors among the data subjects, clause %(other)s "
        "every visitor."
    ),
    clears=_("Say once whose data the policy covers, then delete the other claim."),
)
def subjects_twice(register: Register) -> Iterator[Hit]:
    wide = register.claim("subject_definition", "any_visitor")
    for row in register.claim("subject_definition", *NARROW_CIRCLES):
        if wide:
            where = article(register, RU="3(1), 18.1(1)(2)", KZ="1, 25(2)(1-1)")
            yield hit(row.object, where, clause=row.clause, other=wide[0].clause)


@check(
    "CLM-019",
    Severity.NOTE,
    message=_(
        "Clause %(clause)s defines a term as the law of Russia does; the law of Kazakhstan defines "
        "it otherwise, and that is what binds."
    ),
    clears=_("Define it as the law of Kazakhstan does, or leave it out; then delete the claim."),
)
def copied_definition(register: Register) -> Iterator[Hit]:
    if not under(register, "KZ"):
        return
    for topic, code, where in COPIED:
        for row in register.claim(topic, code):
            yield hit(row.object, article(register, KZ=where), clause=row.clause)


@check(
    "CLM-029",
    Severity.WARNING,
    message=_("Clause %(clause)s follows %(title)s, which is not the operator's law."),
    clears=_(
        "Follow the operator's own law, or enter the other one on the operator's card as a law "
        "that applies as well."
    ),
)
def foreign_law(register: Register) -> Iterator[Hit]:
    card = register.operator
    for code, law in LAW_CLAIMS.items():
        if law == card.jurisdiction or law in card.also_under:
            continue
        for row in register.claim("governing_law", code):
            where = article(register, RU="1(1)", KZ="3")
            yield hit(row.object, where, clause=row.clause, title=TITLES[law])


# --- liability -----------------------------------------------------------------------------------
@check(
    "CLM-020",
    Severity.WARNING,
    message=_(
        "Clause %(clause)s declines every liability for third parties; for those who process data "
        "on its behalf the operator answers all the same."
    ),
    clears=_("Limit the clause to those who act on their own, then delete the claim."),
)
def liability_disclaimed(register: Register) -> Iterator[Hit]:
    for row in register.claim("liability", "not_for_third_parties"):
        where = article(register, RU="6(5)", KZ="22(1)")
        yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-028",
    Severity.WARNING,
    message=_(
        "Clause %(clause)s promises no full protection, and the policy does not say what is done "
        "when data leak; the duty to report a leak stays."
    ),
    clears=_(
        "Say in the policy what happens when data leak and who is told; enter the claim "
        "“breach_notice”."
    ),
)
def no_breach_notice(register: Register) -> Iterator[Hit]:
    if register.claim("operator_duty", "breach_notice"):
        return
    for row in register.claim("liability", "no_absolute_protection"):
        where = article(register, RU="21(3.1)", KZ="25(2)(8)")
        yield hit(row.object, where, clause=row.clause)
