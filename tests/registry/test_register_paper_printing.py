"""Papers of the register as PDF: in their own language, draft or signed, the same every time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils.translation import gettext, override

from registry.choices import RegisterPaperKind as Kind
from registry.models import Purpose, RegisterPaper
from registry.paper_contents import Contents
from registry.services import audit
from registry.services.paper_kinds import PaperKind
from registry.services.register_papers import paper_pdf
from tests.conftest import Office, Team
from tests.registry.papering import (
    NOW,
    activity_of,
    drafted,
    kinds,  # noqa: F401
    positioned,
    signed,
    words_of,
)

pytestmark = pytest.mark.usefixtures("kinds")
DAY = timedelta(days=1)


@pytest.fixture
def pandev(office: Office) -> Team:
    return positioned(office.pandev)


@pytest.fixture
def ipm(office: Office) -> Team:
    return positioned(office.ipm)


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_it_is_printed_in_its_language_as_draft_and_signed(pandev: Team, language: str) -> None:
    lacking = drafted(pandev, language=language, given={"lacks": ["Нет адреса.", "Жоқ: телефон."]})
    paper = drafted(pandev, language=language, given={"note": "семь"})
    with override("en" if language != "en" else "ru"):  # the reader's language is another
        shown, before = words_of(paper_pdf(lacking)), words_of(paper_pdf(paper))
        done = signed(paper, pandev)
        after = words_of(paper_pdf(done))
    with override(language):
        draft_word = gettext("DRAFT")
        missing_word = gettext("What is missing")
    assert shown.startswith(draft_word) and missing_word in shown
    assert shown.index("Нет адреса.") < shown.index("Жоқ: телефон.") < shown.index("1. ")
    assert before.startswith(draft_word) and missing_word not in before
    assert draft_word not in after
    for name in Purpose.objects.filter(operator=pandev.operator).values_list(
        f"name_{language}", flat=True
    ):
        assert " ".join(name.split()) in after
    assert done.digest in after.replace(" ", "")
    for word in ("RP-2026-0002", "94-V 25(2)(1)", "note семь", "12-од",
                 "Комплаенс-офицер", "Анна Иванова", str(pandev.operator)):  # fmt: skip
        assert word in after, word
    assert "12-од" not in before and "Комплаенс-офицер" not in before


def test_the_same_paper_is_the_same_file(pandev: Team) -> None:
    draft = drafted(pandev)
    with time_machine.travel(NOW, tick=False):
        first = paper_pdf(draft)
        done = signed(draft, pandev)
        printed = paper_pdf(done)
    assert first.startswith(b"%PDF") and first != printed
    with time_machine.travel(NOW + DAY * 400, tick=False):
        assert paper_pdf(RegisterPaper.objects.get(pk=done.pk)) == printed


def test_what_changes_afterwards_does_not_change_a_signed_paper(ipm: Team) -> None:
    row = activity_of(ipm)
    with time_machine.travel(NOW, tick=False) as clock:
        audit.save(ipm.dpo, by=None, reason="as of then")
        paper = signed(drafted(ipm, Kind.HARM, activity=row), ipm)
        printed = paper_pdf(paper)
        clock.shift(DAY)
        ipm.dpo.last_name = "Петрова"
        audit.save(ipm.dpo, by=None, reason="married")
        row.name_en = "Renamed"
        audit.save(row, by=None, reason="test")
        ipm.operator.name = "Another"
        audit.save(ipm.operator, by=None, reason="test", fields=["name"])
        again = paper_pdf(RegisterPaper.objects.get(pk=paper.pk))
    assert again == printed and "Анна Иванова" in words_of(again)


def test_a_paper_with_every_shape_of_section_is_printed(pandev: Team, kinds: Any) -> None:  # noqa: F811
    def empty(ask: Any) -> Contents:
        return Contents("Nothing", "1", ())

    kinds[Kind.CONTROL_PLAN] = PaperKind(Kind.CONTROL_PLAN, empty, frozenset({"KZ"}))
    try:
        text = words_of(paper_pdf(drafted(pandev, Kind.CONTROL_PLAN)))
    finally:
        del kinds[Kind.CONTROL_PLAN]
    assert "Nothing" in text and "RP-2026-0001" in text


def test_printing_asks_a_few_questions_only(
    pandev: Team, django_assert_max_num_queries: Any
) -> None:
    paper = signed(drafted(pandev), pandev)
    row = RegisterPaper.objects.select_related("operator__jurisdiction", "signer").get(pk=paper.pk)
    with django_assert_max_num_queries(1):  # the signer's name of then
        paper_pdf(row)
