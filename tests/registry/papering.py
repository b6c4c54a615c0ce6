"""Papers of the register to test with: a writer of our own for each way that a kind can be."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.utils.translation import gettext, ngettext
from pypdf import PdfReader

from registry.choices import RegisterPaperKind as Kind
from registry.models import Membership, ProcessingActivity, Purpose, RegisterPaper, User
from registry.paper_contents import Contents, Section
from registry.services import audit
from registry.services.paper_kinds import KINDS, Ask, PaperKind
from registry.services.register_papers import paper_draft, paper_sign
from tests.conftest import Team

# Monday noon in Moscow, and in Almaty one hour (or two) later.
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TODAY = date(2026, 3, 2)


def plain(ask: Ask) -> Contents:
    """Says the purposes of the register by their names; an answer ``lacks`` is what it lacks."""
    rows = Purpose.objects.filter(operator=ask.operator).order_by("code")
    names = tuple(str(row.name) for row in rows)
    return Contents(
        title=gettext("Purpose"),
        article="94-V 25(2)(1)",
        sections=(
            Section(
                gettext("Purpose"),
                text=(ngettext("%(count)d request", "%(count)d requests", 5) % {"count": 5},),
                pairs=((gettext("Operator"), ask.operator.address),),
                columns=("№", gettext("Name")),
                rows=tuple((f"{place}", name) for place, name in enumerate(names, 1)),
            ),
            Section("B", text=(f"note {ask.given.get('note', '–')}",)),
        ),
        missing=tuple(ask.given.get("lacks", ())),
        particulars={"purposes": [row.code for row in rows]},
    )


def about_one(ask: Ask) -> Contents:
    assert ask.activity is not None
    return Contents(ask.activity.code, "152-FZ 18.1(1)(5)", (Section(str(ask.activity)),))


def told_daily(ask: Ask) -> Contents:
    """Another text each day; only ``purposes`` binds."""
    said = plain(ask)
    particulars = {**said.particulars, "day": ask.today.isoformat()}
    return Contents(f"{said.title} {ask.today}", said.article, said.sections, (), particulars)


OURS = (
    PaperKind(Kind.DATA_LIST, plain, frozenset({"RU", "KZ"}), order=True),
    PaperKind(Kind.NOTICE_START, plain, frozenset({"RU", "KZ"}), notice=True),
    PaperKind(Kind.HARM, about_one, frozenset({"RU"}), per_activity=True),
    PaperKind(Kind.SIZE_CLASS, told_daily, frozenset({"KZ"}), binds=("purposes",)),
)


@pytest.fixture
def kinds(monkeypatch: Any) -> dict[str, PaperKind]:
    """Our kinds alone, whoever else has registered some."""
    for kind in [*KINDS]:
        monkeypatch.delitem(KINDS, kind)
    for one in OURS:
        monkeypatch.setitem(KINDS, one.kind, one)
    return KINDS


def positioned(team: Team) -> Team:
    """The DPO and the clerk have positions, the DPO a name too."""
    team.dpo.first_name, team.dpo.last_name = "Анна", "Иванова"
    audit.save(team.dpo, by=None, reason="test")
    for user, position in ((team.dpo, "Комплаенс-офицер"), (team.clerk, "Делопроизводитель")):
        row = membership(team, user)
        row.position = position
        audit.save(row, by=None, reason="test")
    return team


def membership(team: Team, user: User) -> Membership:
    return Membership.objects.get(user=user, operator=team.operator)


def activity_of(team: Team) -> ProcessingActivity:
    found = ProcessingActivity.objects.filter(operator=team.operator).order_by("code").first()
    assert found is not None
    return found


def drafted(team: Team, kind: str = Kind.DATA_LIST, **changes: Any) -> RegisterPaper:
    asked: dict[str, Any] = {
        "operator": team.operator, "kind": kind, "language": "en", "by": team.dpo, "now": NOW,
    }  # fmt: skip
    return paper_draft(**asked | changes)


def signed(paper: RegisterPaper, team: Team, **changes: Any) -> RegisterPaper:
    asked: dict[str, Any] = {
        "paper": paper, "signer": team.dpo, "order_number": "12-од", "signed_on": TODAY,
        "by": team.dpo, "now": NOW,
    }  # fmt: skip
    return paper_sign(**asked | changes)


def words_of(content: bytes) -> str:
    pages = PdfReader(io.BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def everything() -> list[Any]:
    """All papers as they are, and how much history there is."""
    rows = list(RegisterPaper.objects.order_by("pk").values_list())
    return [*rows, RegisterPaper.history.count()]
