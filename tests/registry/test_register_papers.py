"""Papers of the register: numbered, written in their language, signed once, frozen."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext, override

from registry.admin.paper_forms import signers
from registry.choices import RegisterPaperKind as Kind
from registry.models import Absence, Membership, Purpose, RegisterPaper
from registry.paper_refusals import (
    PaperActivityForeign,
    PaperDiscardedWithoutReason,
    PaperFieldsRefused,
    PaperGone,
    PaperIncomplete,
    PaperKindOfOtherLaw,
    PaperKindUnknown,
    PaperLanguageUnknown,
    PaperLeftBehind,
    PaperNeedsActivity,
    PaperOrderMissing,
    PaperSignedAlready,
    PaperSignedInFuture,
    PaperSignedTooEarly,
    PaperTakesNoActivity,
    SignerAway,
    SignerWithoutPosition,
)
from registry.services import audit
from registry.services.clocks import NotOnTheStaff, OwnerOnlyReads
from registry.services.register_papers import (
    digest_of,
    kinds_for,
    paper_contents,
    paper_discard,
)
from tests.conftest import Office, Team
from tests.registry.papering import (
    NOW,
    TODAY,
    activity_of,
    drafted,
    everything,
    kinds,  # noqa: F401
    membership,
    positioned,
    signed,
)

pytestmark = pytest.mark.usefixtures("kinds")
DAY = timedelta(days=1)


@pytest.fixture
def pandev(office: Office) -> Team:
    return positioned(office.pandev)


@pytest.fixture
def ipm(office: Office) -> Team:
    return positioned(office.ipm)


def refused(error: type[Exception], act: Any) -> Any:
    """The act is refused by name and nothing of it is left."""
    before = everything()
    with pytest.raises(error) as caught:
        act()
    assert everything() == before
    return caught.value


def purpose(team: Team) -> Purpose:
    found = Purpose.objects.filter(operator=team.operator).order_by("code").first()
    assert found is not None
    return found


def renamed(team: Team, name: str = "Something else") -> None:
    row = purpose(team)
    row.name_ru = row.name_kk = row.name_en = name
    audit.save(row, by=team.dpo, reason="test")


# --- written -----------------------------------------------------------------------------------
def test_a_draft_keeps_what_the_register_says(pandev: Team) -> None:
    paper = drafted(pandev, given={"note": "seven", "on": "2026-03-01"})
    assert (paper.number, paper.language, paper.made_by) == ("RP-2026-0001", "en", pandev.dpo)
    assert (paper.made_at, paper.is_signed, paper.signed_on) == (NOW, False, None)
    paper.refresh_from_db()
    said = paper_contents(paper)
    names = Purpose.objects.filter(operator=pandev.operator).order_by("code")
    assert [row[1] for row in said.sections[0].rows] == [row.name_en for row in names]
    assert said.sections[1].text == ("note seven",)
    assert paper.facts["given"] == {"note": "seven", "on": "2026-03-01"}
    assert paper.facts["operator"] == str(pandev.operator)
    assert paper.particulars["purposes"] == sorted(paper.particulars["purposes"])
    # The digest is of canonical JSON, computed here from what the database gave back.
    both = {"facts": paper.facts, "particulars": paper.particulars}
    told = json.dumps(both, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert paper.digest == hashlib.sha256(told.encode()).hexdigest()
    assert paper.digest == digest_of(paper.facts, paper.particulars)
    newest = paper.history.get()
    assert (newest.history_user, newest.history_change_reason) == (
        pandev.dpo, "written from the register",
    )  # fmt: skip


@pytest.mark.parametrize("language", ["ru", "kk", "en"])
def test_it_is_written_in_its_own_language_whoever_reads(pandev: Team, language: str) -> None:
    with override("en" if language != "en" else "ru"):
        paper = drafted(pandev, language=language)
    first = purpose(pandev)
    assert paper_contents(paper).sections[0].rows[0][1] == getattr(first, f"name_{language}")
    with override(language):
        assert paper.facts["title"] == gettext("Purpose")


def test_numbers_run_by_operator_and_year_of_its_own_clock(pandev: Team, ipm: Team) -> None:
    assert [drafted(pandev).number for _ in range(3)] == [
        "RP-2026-0001", "RP-2026-0002", "RP-2026-0003",
    ]  # fmt: skip
    assert drafted(ipm).number == "RP-2026-0001"
    # 23:59 and 00:01 of New Year in Almaty, which UTC does not know of yet.
    midnight = datetime(2027, 1, 1, tzinfo=pandev.operator.zone).astimezone(UTC)
    assert midnight.year == 2026
    assert drafted(pandev, now=midnight - timedelta(minutes=1)).number == "RP-2026-0004"
    assert drafted(pandev, now=midnight + timedelta(minutes=1)).number == "RP-2027-0001"


def test_a_number_is_never_used_again(pandev: Team) -> None:
    first, second = drafted(pandev), drafted(pandev)
    for paper in (second, first):
        paper_discard(paper=paper, by=pandev.dpo, now=NOW, reason="by mistake")
    assert not RegisterPaper.objects.exists()
    assert drafted(pandev).number == "RP-2026-0003"
    last = RegisterPaper.history.filter(number="RP-2026-0002").order_by("-history_id").first()
    assert last is not None
    assert (last.history_type, last.history_user) == ("-", pandev.dpo)
    assert (last.history_change_reason, last.history_date) == ("by mistake", NOW)


def test_after_nine_thousand_nine_hundred_ninety_nine_comes_ten_thousand(pandev: Team) -> None:
    for number in ("RP-2026-9999", "RP-2026-10000"):
        paper = drafted(pandev)
        paper.number = number
        audit.save(paper, by=None, reason="test")
    assert drafted(pandev).number == "RP-2026-10001"


def test_writing_again_leaves_the_older_draft(pandev: Team) -> None:
    one, other = drafted(pandev), drafted(pandev)
    assert set(RegisterPaper.objects.all()) == {one, other}


def test_which_papers_a_law_knows(pandev: Team, ipm: Team) -> None:
    assert [one.kind for one in kinds_for(pandev.operator)] == [
        Kind.NOTICE_START, Kind.DATA_LIST, Kind.SIZE_CLASS,
    ]  # fmt: skip
    assert [one.kind for one in kinds_for(ipm.operator)] == [
        Kind.NOTICE_START, Kind.DATA_LIST, Kind.HARM,
    ]  # fmt: skip


def test_what_cannot_be_written(pandev: Team, ipm: Team) -> None:
    refused(PaperKindUnknown, lambda: drafted(ipm, "poem"))
    refused(PaperKindUnknown, lambda: drafted(ipm, Kind.NOTICE_END))  # nobody writes it here
    refused(PaperLanguageUnknown, lambda: drafted(ipm, language="de"))
    mine, foreign = activity_of(ipm), activity_of(pandev)
    refused(PaperKindOfOtherLaw, lambda: drafted(pandev, Kind.HARM, activity=foreign))
    refused(PaperKindOfOtherLaw, lambda: drafted(ipm, Kind.SIZE_CLASS))
    refused(PaperNeedsActivity, lambda: drafted(ipm, Kind.HARM))
    refused(PaperActivityForeign, lambda: drafted(ipm, Kind.HARM, activity=foreign))
    refused(PaperTakesNoActivity, lambda: drafted(ipm, activity=mine))
    paper = drafted(ipm, Kind.HARM, activity=mine)
    assert (paper.activity, paper.facts["activity"]) == (mine, mine.name_en)


# --- discarded ---------------------------------------------------------------------------------
def test_only_a_draft_is_discarded_and_with_a_reason(pandev: Team) -> None:
    paper = drafted(pandev)
    for reason in ("", "  "):
        refused(
            PaperDiscardedWithoutReason,
            lambda reason=reason: paper_discard(paper=paper, by=pandev.dpo, now=NOW, reason=reason),
        )
    signed(paper, pandev)
    refused(
        PaperSignedAlready,
        lambda: paper_discard(paper=paper, by=pandev.dpo, now=NOW, reason="why not"),
    )


def test_what_is_gone_is_neither_signed_nor_discarded_again(pandev: Team) -> None:
    paper = drafted(pandev)
    kept = RegisterPaper.objects.get(pk=paper.pk)
    paper_discard(paper=paper, by=pandev.dpo, now=NOW, reason="wrong")
    refused(PaperGone, lambda: signed(kept, pandev))
    refused(PaperGone, lambda: paper_discard(paper=kept, by=None, now=NOW, reason="x"))


# --- signed ------------------------------------------------------------------------------------
def test_a_signed_paper_has_signer_position_order_and_day(pandev: Team) -> None:
    later = NOW + DAY
    paper = signed(drafted(pandev), pandev, order_number=" 12-од ", by=pandev.clerk, now=later)
    paper.refresh_from_db()
    assert (paper.signer, paper.signer_position) == (pandev.dpo, "Комплаенс-офицер")
    assert (paper.order_number, paper.signed_on, paper.signed_at) == ("12-од", TODAY, later)
    newest = paper.history.first()
    assert (newest.history_user, newest.history_change_reason) == (pandev.clerk, "signed")
    refused(PaperSignedAlready, lambda: signed(paper, pandev, now=later))


def test_the_day_of_signing_is_the_operators(pandev: Team) -> None:
    """Written at 23:59 in Almaty, signed at 00:01: neither the day before nor the day after."""
    midnight = datetime(2026, 3, 3, tzinfo=pandev.operator.zone)
    paper = drafted(pandev, now=midnight - timedelta(minutes=1))
    after = midnight + timedelta(minutes=1)
    for day, error in (
        (date(2026, 3, 1), PaperSignedTooEarly),
        (date(2026, 3, 4), PaperSignedInFuture),
    ):
        refused(error, lambda day=day: signed(paper, pandev, signed_on=day, now=after))
    refused(
        PaperSignedInFuture,
        lambda: signed(
            paper, pandev, signed_on=date(2026, 3, 3), now=midnight - timedelta(minutes=1)
        ),
    )
    done = signed(paper, pandev, signed_on=date(2026, 3, 3), now=after)
    assert done.signed_on == date(2026, 3, 3)


def test_who_cannot_sign(pandev: Team, ipm: Team, office: Office) -> None:
    paper = drafted(pandev)
    for person in (ipm.dpo, office.nobody, office.admin):
        refused(NotOnTheStaff, lambda person=person: signed(paper, pandev, signer=person))
    refused(OwnerOnlyReads, lambda: signed(paper, pandev, signer=pandev.auditor))
    found = refused(SignerWithoutPosition, lambda: signed(paper, pandev, signer=pandev.deputy))
    assert str(pandev.deputy) in str(found)
    # The clerk's last day is one on which the clerk signs; on the next day not any more.
    role = membership(pandev, pandev.clerk)
    role.ended_on = TODAY
    audit.save(role, by=None, reason="test")
    late = {"signed_on": TODAY + DAY, "now": NOW + DAY}
    refused(NotOnTheStaff, lambda: signed(paper, pandev, signer=pandev.clerk, **late))
    assert signed(paper, pandev, signer=pandev.clerk, now=NOW + DAY).signer == pandev.clerk


def test_who_left_after_signing_is_recorded_still(pandev: Team) -> None:
    """What counts is the day under the signature, not whether the account is open today."""
    paper = drafted(pandev)
    role = membership(pandev, pandev.clerk)
    role.ended_on = TODAY
    audit.save(role, by=None, reason="test")
    pandev.clerk.is_active = False
    audit.save(pandev.clerk, by=None, reason="test")
    late = {"signer": pandev.clerk, "now": NOW + 2 * DAY}
    refused(NotOnTheStaff, lambda: signed(paper, pandev, signed_on=TODAY + DAY, **late))
    done = signed(paper, pandev, signed_on=TODAY, **late)
    assert (done.signer, done.signer_position) == (pandev.clerk, "Делопроизводитель")


@pytest.mark.parametrize(("days", "listed"), [(0, True), (31, True), (32, False)])
def test_the_form_lists_who_left_within_a_month(pandev: Team, days: int, listed: bool) -> None:
    role = membership(pandev, pandev.clerk)
    role.ended_on = TODAY
    audit.save(role, by=None, reason="test")
    pandev.clerk.is_active = False
    audit.save(pandev.clerk, by=None, reason="test")
    found = set(signers(pandev.operator, TODAY + days * DAY))
    assert found == {pandev.dpo, pandev.deputy} | ({pandev.clerk} if listed else set())


def test_who_is_away_does_not_sign_and_the_substitute_does(pandev: Team) -> None:
    audit.save(
        Absence(
            operator=pandev.operator, user=pandev.dpo, substitute=pandev.clerk,
            first_on=TODAY, last_on=TODAY, order_number="3-к",
        ),
        by=None,
        reason="test",
    )  # fmt: skip
    paper = drafted(pandev)
    found = refused(SignerAway, lambda: signed(paper, pandev))
    assert str(pandev.clerk) in str(found)
    done = signed(paper, pandev, signer=pandev.clerk)
    assert done.signer_position == "Делопроизводитель"


def test_a_position_alone_lets_no_auditor_sign(pandev: Team) -> None:
    role = membership(pandev, pandev.auditor)
    role.position = "Внутренний аудитор"
    audit.save(role, by=None, reason="test")
    paper = drafted(pandev)
    refused(OwnerOnlyReads, lambda: signed(paper, pandev, signer=pandev.auditor))


def test_the_position_of_an_auditor_is_not_borrowed(pandev: Team) -> None:
    """On the day on which a clerk becomes an auditor both roles hold; the clerk's has none."""
    role = membership(pandev, pandev.deputy)
    role.ended_on = TODAY
    audit.save(role, by=None, reason="test")
    reads = Membership(
        operator=pandev.operator, user=pandev.deputy, role="auditor", started_on=TODAY,
        position="Внутренний аудитор",
    )  # fmt: skip
    audit.save(reads, by=None, reason="test")
    paper = drafted(pandev)
    refused(SignerWithoutPosition, lambda: signed(paper, pandev, signer=pandev.deputy))


def test_everything_that_is_missing_is_named(pandev: Team) -> None:
    paper = drafted(pandev, given={"lacks": ["No address (1).", "No phone (2)."]})
    found = refused(PaperIncomplete, lambda: signed(paper, pandev))
    assert "No address (1). No phone (2)." in str(found)


def test_an_order_is_wanted_only_where_the_paper_has_one(pandev: Team) -> None:
    listed, notice = drafted(pandev), drafted(pandev, Kind.NOTICE_START)
    found = refused(PaperOrderMissing, lambda: signed(listed, pandev, order_number=" "))
    assert "94-V 25(2)(1)" in str(found)
    refused(PaperFieldsRefused, lambda: signed(listed, pandev, order_number="9" * 101))
    assert signed(notice, pandev, order_number="").is_signed


# --- left behind -------------------------------------------------------------------------------
def test_what_the_register_has_left_behind_is_not_signed(pandev: Team) -> None:
    paper = drafted(pandev, given={"note": "kept"})
    renamed(pandev)
    found = refused(PaperLeftBehind, lambda: signed(paper, pandev))
    assert str(found) == ("The register has changed since this draft was written: write it anew.")
    # Written anew with the same answers it is signed; the old draft waits to be discarded.
    assert signed(drafted(pandev, given={"note": "kept"}), pandev).is_signed


def test_a_change_in_another_language_leaves_a_paper_as_it_is(pandev: Team) -> None:
    paper = drafted(pandev, language="ru")
    row = purpose(pandev)
    row.name_en = "Something else"
    audit.save(row, by=pandev.dpo, reason="test")
    assert signed(paper, pandev).is_signed


def test_the_operators_own_name_is_part_of_the_paper(pandev: Team) -> None:
    paper = drafted(pandev)
    pandev.operator.name = "Another"
    audit.save(pandev.operator, by=None, reason="test", fields=["name"])
    refused(PaperLeftBehind, lambda: signed(paper, pandev))


def test_the_activity_is_part_of_the_paper(ipm: Team) -> None:
    row = activity_of(ipm)
    paper = drafted(ipm, Kind.HARM, activity=row)
    row.name_en = "Something else"
    audit.save(row, by=ipm.dpo, reason="test")
    refused(PaperLeftBehind, lambda: signed(paper, ipm))
    assert signed(drafted(ipm, Kind.HARM, activity=row), ipm).is_signed


def test_a_draft_whose_text_was_bent_is_not_signed(pandev: Team) -> None:
    """The digest is compared with what the register says, and so are the words."""
    paper = drafted(pandev)
    paper.facts["title"] = "Bent"
    audit.save(paper, by=None, reason="test")
    refused(PaperLeftBehind, lambda: signed(paper, pandev))
    bound = drafted(pandev, Kind.SIZE_CLASS)
    bound.particulars["day"] = "2020-01-01"  # binds nobody, but is under the digest
    audit.save(bound, by=None, reason="test")
    refused(PaperLeftBehind, lambda: signed(bound, pandev))


def test_what_the_words_do_not_show_is_compared_too(pandev: Team) -> None:
    """A code changes no word of the paper, but what the next one is compared with."""
    paper = drafted(pandev)
    row = purpose(pandev)
    row.code += "-new"
    audit.save(row, by=pandev.dpo, reason="test")
    again = drafted(pandev)
    assert again.facts == paper.facts and again.digest != paper.digest
    refused(PaperLeftBehind, lambda: signed(paper, pandev))
    assert signed(again, pandev).is_signed


def test_where_only_some_particulars_bind_the_rest_may_change(pandev: Team) -> None:
    paper = drafted(pandev, Kind.SIZE_CLASS)
    renamed(pandev)  # the name is text; the codes of the purposes bind
    tomorrow = {"signed_on": TODAY + DAY, "now": NOW + DAY}
    assert "2026-03-02" in paper.facts["title"]
    other = drafted(pandev, Kind.SIZE_CLASS)
    assert signed(paper, pandev, **tomorrow).is_signed
    fresh = purpose(pandev)
    fresh.pk, fresh.code = None, "new-one"
    audit.save(fresh, by=pandev.dpo, reason="test")
    refused(PaperLeftBehind, lambda: signed(other, pandev, **tomorrow))


# --- frozen ------------------------------------------------------------------------------------
def test_nothing_changes_a_signed_paper(pandev: Team) -> None:
    paper, draft = signed(drafted(pandev), pandev), drafted(pandev)
    before = everything()
    rows = RegisterPaper.objects.filter(pk=paper.pk)
    paper.number = "RP-2026-0009"
    for act in (
        paper.save,
        paper.delete,
        rows.delete,
        lambda: rows.update(signed_at=None, signed_on=None, signer=None),
        lambda: rows.update(facts={}),
        lambda: run(f"UPDATE registry_registerpaper SET number = 'x' WHERE id = {paper.pk}"),
        lambda: run(f"DELETE FROM registry_registerpaper WHERE id = {paper.pk}"),
    ):
        with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
            act()
    assert everything() == before
    run(f"UPDATE registry_registerpaper SET number = 'RP-2026-0009' WHERE id = {draft.pk}")
    draft.refresh_from_db()
    assert draft.number == "RP-2026-0009"  # a draft is not frozen


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
