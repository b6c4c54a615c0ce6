"""The plan of internal control as a paper: what is checked, how often, by whom, and when next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from django.utils.translation import gettext

from registry.choices import RegisterPaperKind, Role
from registry.models import ControlStep, Membership, Operator
from registry.paper_contents import Contents, Section
from registry.services.control import going_on, how_often
from registry.services.paper_kinds import Ask, writes

ARTICLES = {"RU": "152-FZ 18.1(1)(4)", "KZ": "94-V 25(3)"}


@writes(RegisterPaperKind.CONTROL_PLAN, laws="RU KZ", order=True)
def write_control_plan(ask: Ask) -> Contents:
    """Every step that goes on; two queries, however many there are."""
    steps = list(
        ControlStep.objects.filter(going_on(ask.today), operator=ask.operator)
        .select_related("responsible")
        .order_by("code")
    )
    staff = _staff(ask.operator, ask.today)
    article = ARTICLES[ask.operator.jurisdiction.code]
    return Contents(
        title=gettext("Plan of internal control of the processing of personal data"),
        article=article,
        sections=(
            Section(
                heading=gettext("What the control is for"),
                text=(
                    gettext(
                        "The operator checks for itself that personal data are processed as the "
                        "law, its policy and its internal acts say (%(article)s)."
                    )
                    % {"article": article},
                ),
            ),
            Section(
                heading=gettext("What is checked, how often and by whom"),
                columns=(
                    gettext("What is checked"),
                    gettext("How often"),
                    gettext("Responsible"),
                    gettext("Next on"),
                    gettext("Clause of the policy"),
                ),
                rows=tuple(_row(step, staff.get(step.responsible_id)) for step in steps),
            ),
            Section(
                heading=gettext("How a check is recorded"),
                text=(
                    gettext(
                        "Each check is written into the journal of internal control: the day, what "
                        "was found, what is done about it and who recorded it. A record is never "
                        "changed; a mistake is corrected by another record. The next day is "
                        "counted from the day of the check."
                    ),
                ),
            ),
        ),
        missing=tuple(_missing(ask.operator, steps, staff)),
        particulars={
            "steps": [
                {
                    "code": step.code,
                    "every_months": step.every_months,
                    "responsible": step.responsible_id,
                    "next_on": step.next_on.isoformat(),
                    "clause": step.clause,
                }
                for step in steps
            ]
        },
    )


def _staff(operator: Operator, day: date) -> dict[int, Membership]:
    """Whoever is on the staff on that day, by the number of the person."""
    rows = Membership.objects.filter(operator=operator, user__is_active=True)
    return {row.user_id: row for row in rows.order_by("started_on", "pk") if row.holds_on(day)}


def _row(step: ControlStep, membership: Membership | None) -> tuple[str, ...]:
    who = str(step.responsible)
    if membership is not None and membership.position:
        who = f"{who}, {membership.position}"
    next_on = step.next_on.isoformat()
    return (step.name, how_often(step.every_months), who, next_on, step.clause)


def _missing(
    operator: Operator, steps: list[ControlStep], staff: dict[int, Membership]
) -> Iterator[str]:
    if not steps:
        yield gettext("The register has no step of internal control: enter what is checked.")
    for step in steps:
        named = {"user": str(step.responsible), "step": step.name, "operator": str(operator)}
        membership = staff.get(step.responsible_id)
        if membership is None:
            yield (
                gettext(
                    "%(user)s, responsible for “%(step)s”, is no longer on the staff of "
                    "%(operator)s: name somebody else."
                )
                % named
            )
        elif membership.role == Role.AUDITOR:
            yield (
                gettext(
                    "%(user)s, responsible for “%(step)s”, is an auditor, who changes nothing: "
                    "name somebody else."
                )
                % named
            )
