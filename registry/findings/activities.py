"""What is done with the data, and whether somebody looks at it again."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Register
from registry.findings.law import article, under
from registry.findings.reading import covering, kinds


@check(
    "ACT-001",
    Severity.ERROR,
    message=_("The activity %(name)s does not say what is done with the data."),
    clears=_("Name its operations, or end the activity."),
)
def no_operations(register: Register) -> Iterator[Hit]:
    for row in register.live:
        if not row.operations:
            yield hit(
                f"activity:{row.code}",
                article(register, RU="9(4)(7), 22(3)", KZ="24(1)(1)"),
                name=row.name,
            )


@check(
    "ACT-002",
    Severity.WARNING,
    message=_(
        "The activity %(name)s does not say whether data are processed by machine, by hand or both."
    ),
    clears=_("Choose the mode: it decides which papers a destruction needs."),
)
def no_mode(register: Register) -> Iterator[Hit]:
    for row in register.live:
        if not row.mode:
            yield hit(
                f"activity:{row.code}",
                article(register, RU="22(3), 21(7)", KZ="24(1)(1)"),
                name=row.name,
            )


@check(
    "ACT-003",
    Severity.ERROR,
    message=_(
        "The activity %(name)s shows data to everybody without a consent of its own to that."
    ),
    clears=_(
        "In Russia, add the separate consent to dissemination of article 10.1; in Kazakhstan, "
        "publish a consent text that permits dissemination. Or remove the operation."
    ),
)
def shown_without_consent(register: Register) -> Iterator[Hit]:
    for row in register.live:
        grounds = kinds(register, row)
        if "dissemination" not in row.operations or "publication_by_law" in grounds:
            continue
        if under(register, "RU"):
            agreed = "dissemination_consent" in grounds
        else:
            agreed = any(text.dissemination for text in covering(register, row.code))
        if not agreed:
            yield hit(
                f"activity:{row.code}",
                article(register, RU="10.1(1)", KZ="7(3), 15"),
                name=row.name,
            )


@check(
    "ACT-004",
    Severity.WARNING,
    message=_("The activity %(name)s was to be looked at again on %(day)s, and was not."),
    clears=_("Look at it, correct what has changed, and set the day of the next review."),
)
def review_overdue(register: Register) -> Iterator[Hit]:
    for row in register.live:
        if row.review_on is not None and row.review_on < register.today:
            yield hit(
                f"activity:{row.code}",
                article(register, RU="18.1(1)(4)", KZ="25(3)"),
                name=row.name,
                day=row.review_on,
            )
