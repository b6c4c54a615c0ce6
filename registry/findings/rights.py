"""What the policy tells people of their rights and of what is done with their data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, Words, check, hit
from registry.findings.facts import Activity, Register
from registry.findings.law import TITLES, article
from registry.findings.reading import listed

ALL_THREE = "clarify_block_destroy"
INFORMATION = _("information about the processing")
CLARIFICATION = _("correction of data")
BLOCK = _("blocking of data")
DESTRUCTION = _("destruction of data")
WITHDRAWAL = _("withdrawal of the consent")
NO_PUBLICATION = _("refusal of publication")
STOP_DISSEMINATION = _("end of the dissemination of data")
CEASE = _("end of the processing on demand")
NO_ADVERTISING = _("advertising only with prior consent")
AUTOMATED = _("objection to automated decisions")
COMPLAINT = _("complaint to the authority or a court")
DEFENCE = _("defence of rights and damages")

# law -> what it gives people: the words, the article, the codes of claims that speak of it.
RIGHTS: Mapping[str, tuple[tuple[str, str, frozenset[str]], ...]] = {
    "RU": (
        (INFORMATION, "14(7)", frozenset({"information"})),
        (CLARIFICATION, "14(1)", frozenset({"clarification", ALL_THREE})),
        (BLOCK, "14(1)", frozenset({"block", ALL_THREE})),
        (DESTRUCTION, "14(1)", frozenset({"destroy", ALL_THREE})),
        (WITHDRAWAL, "9(2)", frozenset({"withdraw_consent"})),
        (STOP_DISSEMINATION, "10.1(12)", frozenset({"stop_dissemination", "refuse_publication"})),
        (NO_ADVERTISING, "15(1)", frozenset({"marketing_prior_consent"})),
        (AUTOMATED, "16(3)", frozenset({"object_to_automated_decisions"})),
        (COMPLAINT, "17(1)", frozenset({"appeal"})),
        (CEASE, "21(5.1)", frozenset({"demand_to_cease"})),
    ),
    "KZ": (
        (AUTOMATED, "19-1", frozenset({"object_to_automated_decisions"})),
        (INFORMATION, "24(1)(1)", frozenset({"information"})),
        (CLARIFICATION, "24(1)(2)", frozenset({"clarification", ALL_THREE})),
        (BLOCK, "24(1)(3)", frozenset({"block", ALL_THREE})),
        (DESTRUCTION, "24(1)(4)", frozenset({"destroy", ALL_THREE})),
        (WITHDRAWAL, "24(1)(5)", frozenset({"withdraw_consent"})),
        (NO_PUBLICATION, "24(1)(6)", frozenset({"refuse_publication"})),
        (DEFENCE, "24(1)(7)", frozenset({"defence", "damages"})),
    ),
}
# What people ask for, by the events that start the clock of the answer.
ASKED = frozenset(
    {
        "request_received",
        "correction_proved",
        "inaccuracy_confirmed",
        "consent_withdrawn",
        "cease_demanded",
        "erasure_demanded",
    }
)

# The thirteen operations of 152-FZ 3(3) and 94-V 1, and the kinds that stand within two of them.
THIRTEEN = frozenset(
    {
        "collection",
        "recording",
        "systematisation",
        "accumulation",
        "storage",
        "clarification",
        "retrieval",
        "use",
        "transfer",
        "depersonalisation",
        "blocking",
        "deletion",
        "destruction",
    }
)
WITHIN = {
    "updating": "clarification",
    "modification": "clarification",
    "dissemination": "transfer",
    "provision": "transfer",
    "access": "transfer",
}
NAMED = frozenset({"collection", "storage", "transfer"})


def operations_of(activity: Activity) -> frozenset[str]:
    """Those of the thirteen that it performs; a kind counts as the operation that it is of."""
    return frozenset(WITHIN.get(code, code) for code in activity.operations)


@check(
    "CLM-021",
    Severity.NOTE,
    message=_(
        "The policy does not say within how many days people are answered; the terms of the law "
        "apply."
    ),
    clears=_("Enter the promise of a term, or say the term in the policy: claim “answer_term”."),
)
def no_term_of_answers(register: Register) -> Iterator[Hit]:
    promised = any(
        row.source == "promise" and row.own and row.event in ASKED for row in register.terms
    )
    if register.claims and not promised and not register.claim("operator_duty", "answer_term"):
        where = article(register, RU="14, 20(1)", KZ="25(2)(6)")
        yield hit(f"operator:{register.operator.code}", where)


@check(
    "CLM-022",
    Severity.WARNING,
    message=_("The policy is silent about rights that the law gives people: %(rights)s."),
    clears=_("Name each right in the policy and enter it as a claim."),
)
def silent_rights(register: Register) -> Iterator[Hit]:
    law = register.operator.jurisdiction
    told = {row.code for row in register.claims if row.topic == "right"}
    silent = [(words, where) for words, where, codes in RIGHTS[law] if not codes & told]
    if register.claims and silent:
        # Rights of one article are named one after another: its number stands once.
        articles = ", ".join(dict.fromkeys(where for _words, where in silent))
        rights = Words(tuple(words for words, _where in silent))
        yield hit(f"operator:{register.operator.code}", f"{TITLES[law]} {articles}", rights=rights)


@check(
    "CLM-023",
    Severity.WARNING,
    message=_(
        "Clause %(clause)s says that all thirteen operations are performed, the activities of the "
        "register name %(count)s of them."
    ),
    clears=_("Enter the operations that are performed in the activities, or name fewer of them."),
)
def more_claimed_than_done(register: Register) -> Iterator[Hit]:
    done = frozenset[str]().union(*map(operations_of, register.live))
    if not register.live or done >= THIRTEEN:
        return
    for row in register.claim("principle", "operations_performed"):
        where = article(register, RU="5(5), 18.1(1)(2)", KZ="7(8), 25(2)(1-1)")
        yield hit(row.object, where, clause=row.clause, count=len(done & THIRTEEN))


@check(
    "CLM-024",
    Severity.WARNING,
    message=_(
        "Clause %(clause)s names collection, storage and transfer only; these activities do more: "
        "%(activities)s."
    ),
    clears=_("Name every operation in the policy, or take it out of the activity."),
)
def more_done_than_claimed(register: Register) -> Iterator[Hit]:
    more = [row for row in register.live if not operations_of(row) <= NAMED]
    for row in register.claim("principle", "operations_named"):
        if more:
            where = article(register, RU="5(5), 18.1(1)(2)", KZ="7(8), 25(2)(1-1)")
            yield hit(row.object, where, clause=row.clause, activities=listed(more))


@check(
    "CLM-025",
    Severity.NOTE,
    message=_("The numbering of the policy has a gap at %(clause)s: something may be missing."),
    clears=_("Number the clauses without a gap in the next version, then delete the claim."),
)
def gap(register: Register) -> Iterator[Hit]:
    for row in register.claims:
        if row.topic == "gap":
            where = article(register, RU="18.1(2)", KZ="25(2)(1-1)")
            yield hit(row.object, where, clause=row.clause)


@check(
    "CLM-026",
    Severity.WARNING,
    message=_("Clause %(clause)s still has the note of an editor in it."),
    clears=_("Publish a version without the note, then delete the claim."),
)
def editors_note(register: Register) -> Iterator[Hit]:
    for row in register.claim("policy_publication", "editor_note"):
        where = article(register, RU="18.1(2)", KZ="25(2)(1-1)")
        yield hit(row.object, where, clause=row.clause)
