"""Consent as the policy describes it: how it is given, how long it lasts, how it is withdrawn."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Register
from registry.findings.law import article, cited, looked_at

# 94-V 8(1): a channel in which any proof of the withdrawal is enough, or both services.
SERVICES = frozenset({"state_service", "non_state_service"})


def wide_enough(channels: frozenset[str]) -> bool:
    """Whether people may withdraw in every way that 94-V 8(1) gives them."""
    return "any_provable" in channels or channels >= SERVICES


@check(
    "CLM-001",
    Severity.ERROR,
    message=_("Clause %(clause)s takes the consent for an indefinite period."),
    clears=_(
        "Name a term, or the event with which the consent ends, in the policy and in the text of "
        "the consent; then change the claim."
    ),
)
def without_end(register: Register) -> Iterator[Hit]:
    for row in register.claim("consent_term", "indefinite"):
        where = article(register, RU="9(4)(8)", KZ="8(4)(3), 8(5)")
        yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-002",
    Severity.WARNING,
    message=_(
        "Clause %(clause)s calls the consent unconditional; a consent holds only for the purposes "
        "and data that it names."
    ),
    clears=_("Take the word out of the policy, then delete the claim."),
)
def unconditional(register: Register) -> Iterator[Hit]:
    for row in register.claim("consent_term", "unconditional"):
        where = article(register, RU="9(1)", KZ="7(8), 8(5)")
        yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-003",
    Severity.ERROR,
    message=_("Clause %(clause)s makes the policy itself the consent."),
    clears=_(
        "Publish a text of consent of its own, with everything that the law wants in it, and "
        "take the clause out of the policy."
    ),
)
def policy_is_the_consent(register: Register) -> Iterator[Hit]:
    for row in register.claim("consent_by_action", "policy_is_the_consent"):
        where = article(register, RU="9(1), Law 156-FZ", KZ="8(4)")
        yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-004",
    Severity.WARNING,
    message=_(
        "Clause %(clause)s makes the policy a part of an agreement: whoever signs the one has not "
        "consented to the other."
    ),
    clears=_("Publish the policy as a document of its own, then delete the claim."),
)
def part_of_agreement(register: Register) -> Iterator[Hit]:
    for row in register.claim("scope", "part_of_licence_agreement", "part_of_agreement"):
        where = article(register, RU="9(1), Law 156-FZ", KZ="8(4), 25(2)(1-1)")
        yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-005",
    Severity.ERROR,
    message=_("Clause %(clause)s hides a consent to transfer inside the policy."),
    clears=_(
        "Ask for it in a text of consent that says whether data go to third parties and abroad, "
        "and take the clause out of the policy."
    ),
)
def consent_inside_the_policy(register: Register) -> Iterator[Hit]:
    found = (
        ("third_party_transfer", "third_party_consent_in_the_policy", "8(4)(4)"),
        ("cross_border", "cross_border_consent_in_the_policy", "8(4)(5)"),
    )
    for topic, code, kz in found:
        for row in register.claim(topic, code):
            where = article(register, RU="9(1), Law 156-FZ", KZ=kz)
            yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-006",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s takes an action for a consent, but no text of consent in force covers "
        "what stands on consent: the consent cannot be proved."
    ),
    clears=_(
        "Publish a text of consent for every activity that stands on consent, and keep who "
        "accepted which version and when."
    ),
)
def consent_by_action(register: Register) -> Iterator[Hit]:
    if _all_provable(register):
        return
    for row in register.claim("consent_by_action", "registration", "payment", "use_of_website"):
        where = article(register, RU="9(1), 9(3)", KZ="8(4), 25(2)(5)")
        yield hit(row.object, where, clause=row.clause)


def _all_provable(register: Register) -> bool:
    """Whether a text in force covers each live activity on consent; without a text nothing is."""
    covered = {code for text in register.consents for code in text.activities}
    on_consent = {
        row.code
        for row in register.live
        if any(register.bases[code].kind == "consent" for code in row.bases)
    }
    return bool(register.consents) and on_consent <= covered


@check(
    "CLM-007",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s leaves whoever disagrees nothing but to stop using the service and "
        "delete the account."
    ),
    clears=_(
        "Let people refuse or withdraw a consent and stay where the service does not need it; "
        "then delete the claim."
    ),
)
def only_by_leaving(register: Register) -> Iterator[Hit]:
    for row in register.claim("subject_duty", "stop_and_delete_account"):
        where = article(register, RU="9(1)-(3)", KZ="8(1), 25(2)(5)")
        yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-008",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s lets people withdraw consent in fewer ways than the law gives them: a "
        "state service, a non-state service, any way that can be proved."
    ),
    clears=_("Accept a withdrawal in each of these ways, say so in the policy, change the claim."),
)
def narrow_withdrawal(register: Register) -> Iterator[Hit]:
    if not looked_at(register, "KZ"):
        # 152-FZ 9(2) prescribes no way of withdrawal.
        return
    narrow = register.claim("withdrawal", "written_request")
    if not register.claim("withdrawal", "services_or_provable_way"):
        narrow += register.claim("withdrawal", "by_marked_email")
    for row in narrow:
        yield hit(row.object, cited("KZ", "8(1)"), clause=row.clause)


@check(
    "CLM-009",
    Severity.ERROR,
    message=_(
        "The ways in which the policy takes a withdrawal of consent (%(clauses)s) are fewer than "
        "the law gives people."
    ),
    clears=_(
        "Add the way “any way that can be proved”, or both the state service and the non-state "
        "service, to the intake channels."
    ),
)
def narrow_channels(register: Register) -> Iterator[Hit]:
    ways = [row for row in register.channels if row.intake == "withdrawal"]
    anything = {row.channel for row in register.channels if row.intake == "any"}
    if not ways or not looked_at(register, "KZ"):
        return
    if not wide_enough(frozenset({row.channel for row in ways} | anything)):
        clauses = ", ".join(dict.fromkeys(row.clause for row in ways))
        yield hit(f"operator:{register.operator.code}", cited("KZ", "8(1)"), clauses=clauses)


@check(
    "CLM-010",
    Severity.ERROR,
    message=_(
        "Clause %(clause)s takes a withdrawal of consent in writing only, clause %(other)s in any "
        "way that can be proved."
    ),
    clears=_("Leave the wider of the two clauses in the policy and delete the other claim."),
)
def two_ways_of_withdrawal(register: Register) -> Iterator[Hit]:
    wide = register.claim("withdrawal", "services_or_provable_way")
    for row in register.claim("withdrawal", "written_request"):
        if wide:
            where = article(register, RU="9(2)", KZ="8(1)")
            yield hit(row.object, where, clause=row.clause, other=wide[0].clause)


@check(
    "CLM-027",
    Severity.WARNING,
    message=_(
        "By clause %(clause)s the operator changes the policy alone; a new version does not widen "
        "the consents that were given before."
    ),
    clears=_(
        "Say in the policy that new purposes, data and recipients want a new consent; then delete "
        "the claim."
    ),
)
def unilateral_change(register: Register) -> Iterator[Hit]:
    for row in register.claim("policy_change", "unilateral"):
        where = article(register, RU="5(2), 9(1)", KZ="7(8), 8(4), 14")
        yield hit(row.object, where, clause=row.clause)
