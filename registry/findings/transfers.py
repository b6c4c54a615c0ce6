"""Transfers: gates that were passed, closed or left open."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, Words, check, hit
from registry.findings.facts import Activity, Moved, Receiver, Register, Wording
from registry.findings.law import article, cited, looked_at, under
from registry.findings.reading import abroad, by_code, covering, giving, moves
from registry.third_parties import is_third_party

# On which grounds data may go to a state that does not protect them (94-V 16(3)): those of
# ``registry.transfer_steps``.
BEARS_ABROAD = frozenset({"consent", "law", "other_law", "vital_interest"})
# Why a transfer that is open could not be opened today.
REASONS = {
    "nothing": _("it names no data"),
    "beyond": _("it gives data that its activity does not use"),
    "planned": _("its activity has not begun"),
    "closed": _("its legal basis is not in force"),
    "basis": _("its activity does not stand on its legal basis"),
    "country": _("nobody has said in which country the recipient is"),
    "notice": _("the recipient is abroad and the authority was not told"),
    "ground": _("its legal basis bears no transfer to a state that does not protect data"),
}


@check(
    "TRF-001",
    Severity.ERROR,
    message=_(
        "The activity %(name)s gives data to %(recipient)s abroad (%(country)s), and no transfer "
        "to it is open."
    ),
    clears=_("Take the transfer through its gate, or take the recipient out of the activity."),
)
def gate_not_passed(register: Register) -> Iterator[Hit]:
    moved = moves(register)
    for row, recipient in giving(register):
        known = moved[row.code, recipient.code]
        if abroad(register, recipient.country) and not any(
            item.open or item.banned for item in known
        ):
            yield hit(
                f"activity:{row.code}/{recipient.code}",
                article(register, RU="12(3)", KZ="16, 22(1)(5)"),
                name=row.name,
                recipient=recipient.name,
                country=recipient.country,
            )


@check(
    "TRF-002",
    Severity.ERROR,
    message=_(
        "The transfer %(name)s was banned, but the activity %(activity)s still names %(recipient)s "
        "as a recipient."
    ),
    clears=_("Take the recipient out of the activity and have it destroy what it was given."),
)
def banned_still_named(register: Register) -> Iterator[Hit]:
    moved = moves(register)
    for row, recipient in giving(register):
        known = moved[row.code, recipient.code]
        for item in known:
            if item.banned and not any(other.open for other in known):
                yield hit(
                    f"transfer:{item.code}",
                    article(register, RU="12(14)", KZ="16"),
                    name=item.name,
                    activity=row.name,
                    recipient=recipient.name,
                )


@check(
    "TRF-003",
    Severity.ERROR,
    message=_("The transfer %(name)s is open, although its activity or its purpose has ended."),
    clears=_("End the transfer and have the recipient destroy what it was given."),
)
def outlived(register: Register) -> Iterator[Hit]:
    live = {row.code for row in register.live}
    for item in register.transfers:
        if item.open and item.activity not in live:
            yield hit(
                f"transfer:{item.code}",
                article(register, RU="5(2), 21(4)", KZ="14, 18(1)"),
                name=item.name,
            )


@check(
    "TRF-004",
    Severity.ERROR,
    message=_(
        "The transfer %(name)s to %(recipient)s stands on consent, but no consent text in force "
        "lets these data be given to third parties."
    ),
    clears=_("Publish a consent text that says so and ask people anew, or end the transfer."),
)
def third_parties_not_agreed(register: Register) -> Iterator[Hit]:
    for item, recipient in _consented(register):
        texts = _texts(register, item)
        if is_third_party("KZ", recipient.kind) and not any(text.third_parties for text in texts):
            yield hit(
                f"transfer:{item.code}",
                cited("KZ", "7(6), 8(4)(4)"),
                name=item.name,
                recipient=recipient.name,
            )


@check(
    "TRF-005",
    Severity.ERROR,
    message=_(
        "The transfer %(name)s to %(recipient)s abroad stands on consent, but no consent text in "
        "force lets these data go abroad."
    ),
    clears=_("Publish a consent text that says so and ask people anew, or end the transfer."),
)
def abroad_not_agreed(register: Register) -> Iterator[Hit]:
    for item, recipient in _consented(register):
        texts = _texts(register, item)
        if (
            abroad(register, recipient.country)
            and recipient.country not in register.protecting
            and not any(text.cross_border for text in texts)
        ):
            yield hit(
                f"transfer:{item.code}",
                cited("KZ", "8(4)(5), 16(3)"),
                name=item.name,
                recipient=recipient.name,
            )


def _consented(register: Register) -> Iterator[tuple[Moved, Receiver]]:
    """Open transfers on consent where 94-V counts, if there is a text to read at all: an
    activity without one is a finding of its own (GRD-007)."""
    if not looked_at(register, "KZ"):
        return
    recipients = by_code(register.recipients)
    for item in register.transfers:
        if (
            item.open
            and register.bases[item.basis].kind == "consent"
            and covering(register, item.activity)
        ):
            yield item, recipients[item.recipient]


def _texts(register: Register, transfer: Moved) -> list[Wording]:
    """The consent texts in force that list all data of the transfer: a consent to give one kind of
    data away is none to give another."""
    texts = covering(register, transfer.activity)
    return [text for text in texts if transfer.categories <= text.categories]


@check(
    "TRF-006",
    Severity.ERROR,
    message=_(
        "The transfer %(name)s is open, but its activity %(activity)s does not name %(recipient)s "
        "as a recipient."
    ),
    clears=_("Add the recipient to the activity, or end the transfer."),
)
def recipient_unlisted(register: Register) -> Iterator[Hit]:
    recipients = by_code(register.recipients)
    for item, activity in _open(register):
        if item.recipient not in activity.recipients:
            yield hit(
                f"transfer:{item.code}",
                article(register, RU="18.1(1)(2), 22(3)", KZ="22(1)(5), 25(2)(1-1)"),
                name=item.name,
                activity=activity.name,
                recipient=recipients[item.recipient].name,
            )


@check(
    "TRF-007",
    Severity.ERROR,
    message=_("The transfer %(name)s is open, but today it could not be opened: %(reasons)s."),
    clears=_("Mend what is named, or end the transfer and take a new one through its gate."),
)
def would_not_open(register: Register) -> Iterator[Hit]:
    """What the gate looked at may have changed since. Of an activity that is over TRF-003 speaks,
    of instructions and consent texts their own findings do."""
    recipients = by_code(register.recipients)
    for item, activity in _open(register):
        reasons = list(_reasons(register, item, activity, recipients[item.recipient]))
        if reasons:
            yield hit(
                f"transfer:{item.code}",
                article(register, RU="5(5), 6(1), 12(3)", KZ="7(8)-(9), 9, 16"),
                name=item.name,
                reasons=Words(tuple(REASONS[reason] for reason in reasons)),
            )


def _open(register: Register) -> Iterator[tuple[Moved, Activity]]:
    """Open transfers of activities that go on."""
    live = by_code(register.live)
    for item in register.transfers:
        if item.open and item.activity in live:
            yield item, live[item.activity]


def _reasons(
    register: Register, item: Moved, activity: Activity, recipient: Receiver
) -> Iterator[str]:
    basis, today = register.bases[item.basis], register.today
    if not item.categories:
        yield "nothing"
    if not item.categories <= activity.categories:
        yield "beyond"
    if activity.started_on is not None and today < activity.started_on:
        yield "planned"
    if basis.closed_on is not None and basis.closed_on <= today:
        yield "closed"
    # An activity without any is a finding of its own (GRD-001).
    if activity.bases and basis.code not in activity.bases:
        yield "basis"
    if not recipient.country:
        yield "country"
    if abroad(register, recipient.country):
        if under(register, "RU") and not item.filed:
            yield "notice"
        protected = recipient.country in register.protecting
        if under(register, "KZ") and not protected and basis.kind not in BEARS_ABROAD:
            yield "ground"
