"""Texts of consent that are in force: what the law wants in them, and what the register does."""

from __future__ import annotations

from collections.abc import Iterator

from registry.consent_contents import SEPARATE_SINCE
from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.claims import wide_enough
from registry.findings.facts import Activity, Register, Wording
from registry.findings.law import article, cited, looked_at
from registry.findings.reading import listed, reached, rows_abroad
from registry.third_parties import is_third_party


def _object(text: Wording) -> str:
    return f"consent:{text.code}"


def _live(register: Register, text: Wording) -> list[Activity]:
    return [row for row in register.live if row.code in text.activities]


@check(
    "CNS-001",
    Severity.ERROR,
    message=_("The text of consent %(name)s (version %(version)s) has neither a term nor an end."),
    clears=_("Publish a version with a term, or with the event that ends it."),
)
def without_end(register: Register) -> Iterator[Hit]:
    for text in register.consents:
        if not text.has_end:
            where = article(register, RU="9(4)(8)", KZ="8(4)(3), 8(5)-(6)")
            yield hit(_object(text), where, name=text.name, version=text.version)


@check(
    "CNS-002",
    Severity.ERROR,
    message=_(
        "The text of consent %(name)s (version %(version)s) stands inside another document; since "
        "%(day)s it must be a document of its own."
    ),
    clears=_("Publish a version that is a document of its own."),
)
def inside_another_document(register: Register) -> Iterator[Hit]:
    if not looked_at(register, "RU") or register.today < SEPARATE_SINCE:
        return
    for text in register.consents:
        if not text.separate_document:
            yield hit(
                _object(text),
                cited("RU", "9(1), Law 156-FZ"),
                name=text.name,
                version=text.version,
                day=SEPARATE_SINCE,
            )


@check(
    "CNS-003",
    Severity.ERROR,
    message=_(
        "The text of consent %(name)s (version %(version)s) lets people withdraw in fewer ways "
        "than the law gives them."
    ),
    clears=_(
        "Publish a version with the way “any way that can be proved”, or with both the state "
        "service and the non-state service."
    ),
)
def narrow_withdrawal(register: Register) -> Iterator[Hit]:
    for text in register.consents:
        if looked_at(register, "KZ") and not wide_enough(text.withdrawal_channels):
            where = cited("KZ", "8(1)")
            yield hit(_object(text), where, name=text.name, version=text.version)


def _unsaid(register: Register, flag: str, where: str) -> Iterator[Hit]:
    """Texts under 94-V that leave a question of 8(4)(4)-(6) open."""
    for text in register.consents:
        if looked_at(register, "KZ") and getattr(text, flag) is None:
            yield hit(_object(text), cited("KZ", where), name=text.name, version=text.version)


@check(
    "CNS-004",
    Severity.ERROR,
    message=_(
        "The text of consent %(name)s (version %(version)s) does not say whether data may be given "
        "to third parties."
    ),
    clears=_("Publish a version that says yes or no."),
)
def third_parties_unsaid(register: Register) -> Iterator[Hit]:
    yield from _unsaid(register, "third_parties", "8(4)(4)")


@check(
    "CNS-005",
    Severity.ERROR,
    message=_(
        "The text of consent %(name)s (version %(version)s) does not say whether data may be "
        "transferred abroad."
    ),
    clears=_("Publish a version that says yes or no."),
)
def cross_border_unsaid(register: Register) -> Iterator[Hit]:
    yield from _unsaid(register, "cross_border", "8(4)(5)")


@check(
    "CNS-006",
    Severity.ERROR,
    message=_(
        "The text of consent %(name)s (version %(version)s) does not say whether data may be shown "
        "to everybody."
    ),
    clears=_("Publish a version that says yes or no."),
)
def dissemination_unsaid(register: Register) -> Iterator[Hit]:
    yield from _unsaid(register, "dissemination", "8(4)(6)")


@check(
    "CNS-007",
    Severity.ERROR,
    message=_(
        "The text of consent %(name)s (version %(version)s) says that nobody else receives the "
        "data, but its activities have recipients: %(recipients)s."
    ),
    clears=_("Ask for the consent to this transfer, or take the recipients out of the activities."),
)
def third_parties_denied(register: Register) -> Iterator[Hit]:
    law = register.operator.jurisdiction
    others = [row for row in register.recipients if is_third_party(law, row.kind)]
    for text in register.consents:
        given = _given(register, text)
        found = [row for row in others if row.code in given]
        if text.third_parties is False and found:
            where = article(register, RU="7", KZ="8(4)(4)")
            yield hit(
                _object(text),
                where,
                name=text.name,
                version=text.version,
                recipients=listed(found),
            )


@check(
    "CNS-008",
    Severity.ERROR,
    message=_(
        "The text of consent %(name)s (version %(version)s) says that no data go abroad, but its "
        "activities have systems or recipients there: %(rows)s."
    ),
    clears=_("Ask for the consent to the transfer abroad, or bring the data home."),
)
def cross_border_denied(register: Register) -> Iterator[Hit]:
    for text in register.consents:
        used = frozenset().union(*(row.systems for row in _live(register, text)))
        rows = rows_abroad(register, systems=used, recipients=_given(register, text))
        if text.cross_border is False and rows.names:
            where = article(register, RU="12", KZ="8(4)(5), 16")
            yield hit(_object(text), where, name=text.name, version=text.version, rows=rows)


def _given(register: Register, text: Wording) -> frozenset[str]:
    """Whoever data of the text go to: by the activity's list, or by an open transfer of it."""
    by_transfer = reached(register)
    return frozenset().union(
        *(row.recipients | by_transfer[row.code] for row in _live(register, text))
    )


@check(
    "CNS-009",
    Severity.ERROR,
    message=_(
        "The text of consent %(name)s (version %(version)s) lets data be shown to everybody along "
        "with other things; that wants a consent of its own."
    ),
    clears=_(
        "Publish a version without it, and a separate text of consent for an activity that stands "
        "on article 10.1."
    ),
)
def dissemination_inside(register: Register) -> Iterator[Hit]:
    if not looked_at(register, "RU"):
        return
    for text in register.consents:
        if text.dissemination and _general(register, text):
            where = cited("RU", "10.1(1)")
            yield hit(_object(text), where, name=text.name, version=text.version)


def _general(register: Register, text: Wording) -> bool:
    """Whether the text is a consent to something else as well.

    An activity may stand on both consents when each has a text of its own.
    """
    if not text.separate_document:
        return True
    elsewhere = {
        code for other in register.consents if other.code != text.code for code in other.activities
    }
    for row in _live(register, text):
        kinds = {register.bases[code].kind for code in row.bases}
        if "dissemination_consent" not in kinds:
            return True
        if "consent" in kinds and row.code not in elsewhere:
            return True
    return False
