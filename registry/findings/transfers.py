"""Transfers: gates that were passed, closed or left open."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Moved, Receiver, Register
from registry.findings.law import article, cited, looked_at
from registry.findings.reading import abroad, by_code, covering, moves, recipients_of


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
    for row in register.live:
        for recipient in recipients_of(register, row):
            if not abroad(register, recipient.country):
                continue
            known = moved[row.code, recipient.code]
            if not any(item.open or item.banned for item in known):
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
    for row in register.live:
        for recipient in recipients_of(register, row):
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
        "lets data be given to third parties."
    ),
    clears=_("Publish a consent text that says so and ask people anew, or end the transfer."),
)
def third_parties_not_agreed(register: Register) -> Iterator[Hit]:
    for item, recipient in _consented(register):
        texts = covering(register, item.activity)
        if recipient.kind != "state_body" and not any(text.third_parties for text in texts):
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
        "force lets data go abroad."
    ),
    clears=_("Publish a consent text that says so and ask people anew, or end the transfer."),
)
def abroad_not_agreed(register: Register) -> Iterator[Hit]:
    for item, recipient in _consented(register):
        texts = covering(register, item.activity)
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
