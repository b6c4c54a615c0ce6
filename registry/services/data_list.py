"""The list of personal data that are necessary and sufficient (94-V 25(2)(1), 152-FZ 18.1(1)(2)).

It is closed: what no live activity needs is not on it and must not be collected (94-V 7(9),
152-FZ 5(5)), and what nobody can name exactly cannot be listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils.translation import gettext

from registry.choices import DataKind, RegisterPaperKind
from registry.findings.facts import Activity, Category, Register
from registry.findings.law import article, cited
from registry.findings.reading import listed as names_of
from registry.models import DataCategory, LegalBasis, Operator, RegisterPaper
from registry.paper_contents import Contents, Section
from registry.services.paper_kinds import Ask, writes
from registry.services.register_facts import register_of

PERSONAL = frozenset(DataKind.values) - {DataKind.NOT_PERSONAL}


# --- what was signed ---------------------------------------------------------------------------
def signed_list(operator: Operator) -> RegisterPaper | None:
    """The list that was signed last; None: none was ever approved."""
    return (
        RegisterPaper.objects.filter(
            operator=operator, kind=RegisterPaperKind.DATA_LIST, signed_at__isnull=False
        )
        .order_by("signed_on", "signed_at", "pk")
        .last()
    )


def beyond_the_list(operator: Operator, categories: Iterable[DataCategory]) -> list[DataCategory]:
    """Those of the operator's data that the list signed last does not name; one query.

    Before any list was signed nothing is beyond it (a finding says that one is wanted). Data that
    are not personal need no list.
    """
    paper = signed_list(operator)
    if paper is None:
        return []
    approved = frozenset(paper.particulars["categories"])
    return [one for one in categories if one.kind in PERSONAL and one.code not in approved]


# --- the paper ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Need:
    """One datum, and the live activities of one purpose that need it."""

    category: Category
    activities: tuple[Activity, ...]


@writes(RegisterPaperKind.DATA_LIST, laws="RU KZ", order=True)
def data_list(ask: Ask) -> Contents:
    """Per live purpose each datum with what needs it and on which ground; apart what nothing needs.

    Missing: any live activity, the data of one, and exact names in place of open-ended categories.
    """
    register = register_of(operator=ask.operator, today=ask.today)
    live = register.live
    grounds = _grounds(register)
    needed = {
        one.category.code: [row.code for row in one.activities] for one in _needs(register, live)
    }
    return Contents(
        title=gettext("List of personal data that are necessary and sufficient"),
        article=article(register, RU="18.1(1)(2), 5(5)", KZ="25(2)(1), 7(9)"),
        sections=(
            _operator(ask.operator),
            *_purposes(register, live, grounds),
            *_not_personal(register, needed),
            *_unneeded(register, needed),
        ),
        missing=tuple(_missing(register, live, needed)),
        particulars={"categories": list(needed), "needed": needed},
    )


def _operator(operator: Operator) -> Section:
    number = (
        (gettext("INN"), operator.inn)
        if operator.jurisdiction.code == "RU"
        else (gettext("BIN"), operator.bin)
    )
    return Section(
        gettext("The operator"),
        text=(
            gettext(
                "This list is closed: for each purpose only the data are collected and kept that "
                "it names."
            ),
        ),
        pairs=((gettext("Name"), operator.name), number, (gettext("Address"), operator.address)),
    )


def _grounds(register: Register) -> dict[str, str]:
    """Each article of the law in words."""
    return {
        row.code: f"{cited(register.bases[row.code].jurisdiction, row.article)} {row.name}"
        for row in LegalBasis.objects.order_by("code")
    }


def _purposes(
    register: Register, live: Iterable[Activity], grounds: dict[str, str]
) -> Iterator[Section]:
    """The purposes for which something is done; one that has ended needs no data."""
    by_purpose: dict[str, list[Activity]] = {}
    for row in live:
        by_purpose.setdefault(row.purpose, []).append(row)
    for purpose in register.purposes:
        activities = by_purpose.get(purpose.code, [])
        needs = [one for one in _needs(register, activities) if one.category.kind in PERSONAL]
        if needs:
            yield Section(
                gettext("Purpose: %(purpose)s") % {"purpose": purpose.name},
                columns=(
                    gettext("Data"), gettext("Kind"), gettext("Needed for the activity"),
                    gettext("Legal ground"), gettext("Clause of the policy"),
                ),
                rows=tuple(_row(one, grounds) for one in needs),
            )  # fmt: skip


def _needs(register: Register, activities: Iterable[Activity]) -> Iterator[Need]:
    by_category: dict[str, list[Activity]] = {}
    for row in activities:
        for code in row.categories:
            by_category.setdefault(code, []).append(row)
    for category in register.categories:
        if category.code in by_category:
            yield Need(category, tuple(by_category[category.code]))


def _row(need: Need, grounds: dict[str, str]) -> tuple[str, ...]:
    stands_on = sorted({code for row in need.activities for code in row.bases})
    return (
        need.category.name,
        str(DataKind(need.category.kind).label),
        str(names_of(need.activities)),
        "\n".join(grounds[code] for code in stands_on),
        need.category.clause,
    )


def _not_personal(register: Register, needed: dict[str, list[str]]) -> Iterator[Section]:
    """What is used beside them, so that nobody looks for it on the list."""
    rows = [one for one in register.categories if one.code in needed and one.kind not in PERSONAL]
    if rows:
        yield Section(
            gettext("Used beside them, but not personal data"),
            columns=(gettext("Data"), gettext("Clause of the policy")),
            rows=tuple((one.name, one.clause) for one in rows),
        )


def _unneeded(register: Register, needed: dict[str, list[str]]) -> Iterator[Section]:
    rows = [one for one in register.categories if one.code not in needed and one.kind in PERSONAL]
    if rows:
        yield Section(
            gettext("Not on the list"),
            text=(
                gettext(
                    "No activity that goes on needs these data of the register: they must not be "
                    "collected (%(article)s)."
                )
                % {"article": article(register, RU="5(5)", KZ="7(9)")},
            ),
            columns=(gettext("Data"), gettext("Clause of the policy")),
            rows=tuple((one.name, one.clause) for one in rows),
        )


def _missing(
    register: Register, live: Iterable[Activity], needed: dict[str, list[str]]
) -> Iterator[str]:
    if not live:
        yield gettext("No activity goes on, so no data are needed: there is nothing to list.")
    for row in live:
        if not row.categories:
            yield gettext("The activity %(activity)s does not say which data it uses.") % {
                "activity": row.name
            }
    for one in register.categories:
        if one.open_ended and one.code in needed and one.kind in PERSONAL:
            yield gettext(
                "%(data)s is open-ended, and a closed list cannot hold it: name each of the data "
                "that it stands for."
            ) % {"data": one.name}
