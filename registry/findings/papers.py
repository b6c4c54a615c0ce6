"""Papers that the law wants from the register, the steps of internal control, the undertakings."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, Words, check, hit
from registry.findings.facts import Register, Signed
from registry.findings.harm_facts import processing_of
from registry.findings.law import article, cited, under
from registry.harm import DEGREE_WORDS, Degree, degree_of, proved, worse

RESTRICTED = frozenset({"special", "biometric"})
NOTICES = ("notice_start", "notice_change", "notice_end")


def _about(register: Register, article: str) -> Hit:
    card = register.operator
    return hit(f"operator:{card.code}", article, name=card.name)


def _notifies(register: Register) -> bool:
    """Whether the authority has to be told: in Kazakhstan only by large operators."""
    if under(register, "KZ"):
        paper = register.paper("size_class")
        return paper is not None and paper.size == "large"
    return under(register, "RU")


def _told(register: Register) -> Signed | None:
    """The last notice that the authority was sent; None before the first."""
    return register.paper(*NOTICES, filed=True)


def _has_ended(register: Register, notice: Signed) -> bool:
    """Whether the end that the authority was told of has come.

    Kazakhstan is told beforehand from which day on nothing is processed (94-V 10-1), Russia
    afterwards on which day it ceased (152-FZ 22(7)): that day may still have been one of work.
    """
    if under(register, "KZ"):
        return notice.ceased_on is not None and notice.ceased_on <= register.today
    return notice.ceased_on is None or notice.ceased_on < register.today


@check(
    "PAP-001",
    Severity.ERROR,
    message=_("%(name)s processes personal data, and the authority was never notified of it."),
    clears=_("Write the notice of the start of processing, sign it, file it and enter its number."),
)
def never_notified(register: Register) -> Iterator[Hit]:
    if register.begun and _notifies(register) and not _told(register):
        yield _about(register, article(register, RU="22(1)", KZ="10-1, 25-1"))


@check(
    "PAP-002",
    Severity.ERROR,
    message=_(
        "%(name)s has told the authority that it no longer processes personal data, and does so "
        "all the same."
    ),
    clears=_("End the activities, or file a new notice of the start of processing."),
)
def goes_on_after_the_end(register: Register) -> Iterator[Hit]:
    told = _told(register)
    if register.begun and told and told.kind == "notice_end" and _has_ended(register, told):
        yield _about(register, article(register, RU="22(1)", KZ="10-1, 25-1"))


@check(
    "PAP-003",
    Severity.WARNING,
    message=_("Nobody has determined the size class of %(name)s."),
    clears=_(
        "Write and sign the paper of the size class: it says whether the authority must be "
        "notified."
    ),
)
def no_size_class(register: Register) -> Iterator[Hit]:
    if under(register, "KZ") and register.begun and register.paper("size_class") is None:
        yield _about(register, cited("KZ", "25-1"))


@check(
    "PAP-014",
    Severity.WARNING,
    message=_(
        "%(name)s has begun or ceased to use data of restricted access since its size class was "
        "determined."
    ),
    clears=_("Determine the class anew: write the paper of the size class and sign it."),
)
def other_data_than_the_class(register: Register) -> Iterator[Hit]:
    paper = register.paper("size_class")
    if not under(register, "KZ") or paper is None or paper.restricted is None:
        return
    used = {code for row in register.begun for code in row.categories}
    uses = any(row.kind in RESTRICTED for row in register.categories if row.code in used)
    if register.begun and uses != paper.restricted:
        yield _about(register, cited("KZ", "25-1"))


@check(
    "PAP-004",
    Severity.ERROR,
    message=_("%(name)s has not approved the list of personal data that it needs."),
    clears=_("Write the list from the register and sign it with the number of the order."),
)
def no_list(register: Register) -> Iterator[Hit]:
    if under(register, "KZ") and register.begun and register.paper("data_list") is None:
        yield _about(register, cited("KZ", "25(2)(1)"))


@check(
    "PAP-005",
    Severity.ERROR,
    message=_("%(name)s is processed, but the list of necessary data that was signed lacks it."),
    clears=_("Stop collecting it, or write and sign a new list that names what it is needed for."),
)
def beyond_the_list(register: Register) -> Iterator[Hit]:
    paper = register.paper("data_list")
    if paper is None:
        return
    used = {code for row in register.begun for code in row.categories}
    for row in register.categories:
        if row.kind != "not_personal" and row.code in used - paper.categories:
            yield hit(
                f"category:{row.code}",
                article(register, RU="5(5), 18.1(1)(2)", KZ="7(9), 25(2)(1)"),
                name=row.name,
            )


@check(
    "PAP-006",
    Severity.ERROR,
    message=_("Nobody has assessed what harm the activity %(name)s could do to people."),
    clears=_("Write the act of the assessment of harm for the activity and sign it (Order 178)."),
)
def harm_not_assessed(register: Register) -> Iterator[Hit]:
    if not under(register, "RU"):
        return
    for row in register.begun:
        if register.paper("harm", activity=row.code) is None:
            yield hit(f"activity:{row.code}", cited("RU", "18.1(1)(5), Order 178"), name=row.name)


@check(
    "PAP-012",
    Severity.ERROR,
    message=_(
        "The signed act says of the activity %(name)s: %(signed)s; the register shows: %(degree)s."
    ),
    clears=_("Assess the harm anew and sign the act: what the activity does has changed since."),
)
def harm_has_grown(register: Register) -> Iterator[Hit]:
    if not under(register, "RU"):
        return
    for row in register.begun:
        paper = register.paper("harm", activity=row.code)
        degree = degree_of(proved(processing_of(register, row)))
        if paper is not None and paper.degree and worse(degree, paper.degree):
            yield hit(
                f"activity:{row.code}",
                cited("RU", "18.1(1)(5), Order 178"),
                name=row.name,
                signed=Words((DEGREE_WORDS[Degree(paper.degree)],)),
                degree=Words((DEGREE_WORDS[degree],)),
            )


@check(
    "PAP-007",
    Severity.WARNING,
    message=_("%(name)s has no steps of internal control: nobody checks anything by a plan."),
    clears=_("Enter what is checked, how often and by whom."),
)
def no_steps(register: Register) -> Iterator[Hit]:
    if register.begun and not register.steps:
        yield _about(register, article(register, RU="18.1(1)(4)", KZ="25(3)"))


@check(
    "PAP-008",
    Severity.WARNING,
    message=_("The plan of internal control of %(name)s is not signed."),
    clears=_("Write the plan from the steps of control and sign it with the number of the order."),
)
def no_plan(register: Register) -> Iterator[Hit]:
    if register.steps and register.paper("control_plan") is None:
        yield _about(register, article(register, RU="18.1(1)(4)", KZ="25(3)"))


@check(
    "PAP-013",
    Severity.WARNING,
    message=_(
        "The plan of internal control that %(name)s has signed is no longer what is done: its "
        "steps, how often or by whom they are checked are not those of today."
    ),
    clears=_("Write the plan anew and sign it, or let the steps be as the signed plan says."),
)
def other_steps_than_the_plan(register: Register) -> Iterator[Hit]:
    paper = register.paper("control_plan")
    # Where no step is left, PAP-007 says so: a plan without steps cannot be signed.
    if paper is None or not register.steps:
        return
    # Not the day of the next check: each check moves it.
    if {(row.code, row.every_months, row.checker) for row in register.steps} != set(paper.steps):
        yield _about(register, article(register, RU="18.1(1)(4)", KZ="25(3)"))


@check(
    "PAP-009",
    Severity.WARNING,
    message=_("%(name)s was to be checked by %(day)s, and no check is recorded."),
    clears=_("Check it and record what was found."),
)
def step_overdue(register: Register) -> Iterator[Hit]:
    for row in register.steps:
        if row.next_on < register.today:
            yield hit(
                f"control:{row.code}",
                article(register, RU="18.1(1)(4)", KZ="25(3)"),
                name=row.name,
                day=row.next_on,
            )


@check(
    "PAP-010",
    Severity.WARNING,
    message=_("Whoever was to check %(name)s is no longer on the staff."),
    clears=_("Name somebody else as responsible for the step."),
)
def nobody_checks(register: Register) -> Iterator[Hit]:
    for row in register.steps:
        if not row.responsible:
            yield hit(
                f"control:{row.code}",
                article(register, RU="18.1(1)(4)", KZ="25(3)"),
                name=row.name,
            )


@check(
    "PAP-011",
    Severity.NOTE,
    message=_(
        "%(count)s of the staff of %(name)s have signed no undertaking not to disclose personal "
        "data: the pages of people stay closed to them."
    ),
    clears=_("Enter the number and day of each undertaking with the role, or end the role."),
)
def unsworn(register: Register) -> Iterator[Hit]:
    card = register.operator
    if card.unsworn:
        yield hit(
            f"operator:{card.code}",
            article(register, RU="7", KZ="11"),
            name=card.name,
            count=card.unsworn,
        )
