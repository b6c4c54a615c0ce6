"""What an answer tells from the register: who we are, who gets the data, rights, protection."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.utils.translation import gettext

from registry.choices import Supervises
from registry.models import Authority, Recipient, SecurityMeasure
from requests.services.access_parts import Gathering, Section
from subjects.models import DisclosedPerson


def operator_section(found: Gathering) -> Section:
    operator = found.operator
    columns = {"what": gettext("Kind"), "value": gettext("Value")}
    section = Section("operator", found.article("14(7)(4)"), gettext("Who we are"), columns)
    pairs = [
        (gettext("Legal name"), operator.name),
        (gettext("BIN"), operator.bin),
        (gettext("INN"), operator.inn),
        (gettext("Address"), operator.address),
        (gettext("E-mail"), operator.requests_email or operator.email),
        (gettext("Phone"), operator.phone),
        (gettext("Law"), str(operator.jurisdiction.law)),
    ]
    section.rows = [{"what": what, "value": value} for what, value in pairs if value]
    return section


def recipients_section(found: Gathering) -> Section:
    columns = {
        "name": gettext("Recipient"), "kind": gettext("Who that is"),
        "country": gettext("Country"), "purpose": gettext("Purpose"),
    }  # fmt: skip
    title = gettext("Who may get them, and where")
    section = Section("recipients", found.article("14(7)(4), (8), (9)"), title, columns)
    activities = {ground.activity_id for ground in found.grounds}
    rows = (
        Recipient.objects.filter(operator=found.operator, activities__in=activities)
        .select_related("country")
        .prefetch_related("activities__purpose")
        .distinct()
        .order_by("code")
    )
    for row in rows:
        purposes = {str(one.purpose) for one in row.activities.all() if one.pk in activities}
        section.rows.append(
            {
                "key": f"recipient-{row.pk}", "name": str(row), "kind": row.get_kind_display(),
                "country": str(row.country or ""), "purpose": sorted(purposes),
            }
        )  # fmt: skip
    return section


def disclosures_section(found: Gathering) -> Section:
    columns = {
        "number": gettext("No."), "given_on": gettext("Day"), "recipient": gettext("To whom"),
        "categories": gettext("Data"), "basis": gettext("Legal basis"),
    }  # fmt: skip
    title = gettext("To whom they were given")
    section = Section("disclosures", found.article("14(7)(4), (8)"), title, columns)
    given: dict[Any, list[str]] = defaultdict(list)
    rows = DisclosedPerson.objects.filter(
        subject__in=found.cards, disclosure__reversal=None
    ).select_related("disclosure__transfer__recipient", "disclosure__legal_basis", "category")
    for row in rows.order_by("disclosure__given_on", "disclosure", "category"):
        if str(row.category) not in given[row.disclosure]:
            given[row.disclosure].append(str(row.category))
    for disclosure, categories in given.items():
        section.rows.append(
            {
                "key": f"disclosure-{disclosure.pk}", "number": disclosure.number,
                "given_on": disclosure.given_on, "recipient": disclosure.recipient,
                "categories": categories, "basis": disclosure.legal_basis.article,
            }
        )  # fmt: skip
    return section


# --- what else the law wants told ----------------------------------------------------------------
def rights_section(found: Gathering) -> Section:
    operator = found.operator
    section = Section("rights", found.article("14(7)(7)"), gettext("Your rights"))
    section.lines = [
        gettext(
            "You may have data corrected, blocked or destroyed, withdraw a consent, and object."
        ),
        gettext("Write to: %(where)s") % {"where": operator.requests_email or operator.email},
    ]
    authorities = Authority.objects.filter(
        jurisdiction=found.operator.jurisdiction_id, supervises=Supervises.PERSONAL_DATA
    )
    names = ", ".join(str(one) for one in authorities)
    if names:
        section.lines.append(gettext("You may complain to: %(names)s") % {"names": names})
    section.lines.append(gettext("You may go to court."))
    return section


def measures_section(found: Gathering) -> Section:
    section = Section("measures", found.article("14(7)(9.1)"), gettext("How they are protected"))
    rows = SecurityMeasure.objects.filter(operator=found.operator).order_by("code")
    section.lines = [str(row) for row in rows]
    return section
