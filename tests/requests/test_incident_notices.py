"""What the authority is told of an incident: each particular, what is missing, what was sent."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils.translation import gettext, override
from pypdf import PdfReader

from registry.models import DataCategory, Membership, Operator
from registry.workdays import CalendarMissing
from requests.models import IncidentEntry, IncidentNotice, IncidentSending
from requests.services.incident_contents import (
    LACKS,
    NEEDS,
    NoticeNotWanted,
    contact_of,
    incident_notice_contents,
    notice_lacks,
    steps_of,
)
from requests.services.incident_notices import (
    FindingsBeforeFirst,
    IncidentNoticeLacks,
    NothingToCorrect,
    NoticeSentAlready,
    NotThisIncident,
    SendingCorrected,
    SendingUnnumbered,
    WrittenAfterSending,
    notice_paper,
    notice_preview,
    sendings_of,
)
from requests.services.incident_rows import BeforeDetection, digest_of
from requests.services.inquiries import FieldsRefused, NotYet, ReasonMissing
from requests.services.moving import UnknownChoice
from tests.conftest import Office
from tests.requests import happening as h
from tests.requests.happening import KNOWN, LATER, known, notify, refused
from tests.subjects.persons import register

SECOND = timedelta(seconds=1)
LANGUAGES = ("ru", "kk", "en")
WANTED = [("ipm", "first"), ("ipm", "findings"), ("pandev", "first")]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def text_of(content: bytes) -> str:
    pages = PdfReader(io.BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


# --- every particular ----------------------------------------------------------------------------
@pytest.mark.parametrize(("code", "step"), WANTED)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_paper_says_all_that_the_law_wants(
    office: Office, code: str, step: str, language: str
) -> None:
    team = getattr(office, code)
    row = known(team)
    paper = text_of(notice_preview(incident=row, step=step, language=language, now=h.NOW))
    operator = team.operator
    wanted = [
        operator.name.split()[0], operator.inn or operator.bin, operator.address, operator.phone,
        row.number, KNOWN["description"], KNOWN["causes"], KNOWN["harm"], "120",
        "The access was closed.", team.dpo.get_full_name(), team.dpo.email, "UTC+0",
    ]  # fmt: skip
    if step == "findings":
        wanted += [KNOWN["findings"], KNOWN["culprits"], "The logs were read."]
    else:
        assert str(KNOWN["findings"]) not in paper and str(KNOWN["culprits"]) not in paper
    with override(language):
        wanted += [str(row.get_kind_display()), str(h.category(team, "email")), "crm"]
    for words in wanted:
        assert " ".join(str(words).split()) in paper, words


def test_each_law_has_its_own_notices_and_articles(office: Office) -> None:
    def article(team: Any, step: str) -> str:
        row = known(team)
        return incident_notice_contents(incident=row, step=step, language="en").article

    assert article(office.ipm, "first") == "152-FZ 21(3.1)(1), Order 187"
    assert article(office.ipm, "findings") == "152-FZ 21(3.1)(2), Order 187"
    assert article(office.pandev, "first") == "94-V 25(2)(8)"
    row = known(office.pandev)
    assert steps_of(office.pandev.operator) == ["first"]
    with refused(NoticeNotWanted):
        notify(row, office.pandev, "findings")
    with refused(UnknownChoice):
        incident_notice_contents(incident=row, step="third", language="en")


def test_particulars_are_the_same_in_every_language(office: Office) -> None:
    row = known(office.ipm)
    told = [
        incident_notice_contents(incident=row, step="findings", language=one) for one in LANGUAGES
    ]
    assert told[0].particulars == told[1].particulars == told[2].particulars
    assert told[0].particulars["data_categories"] == ["email"]
    assert told[0].particulars["detected_at"] == "2026-03-05T12:00:00+03:00"


def test_the_named_people_are_counted_and_never_named(office: Office) -> None:
    row = known(office.pandev)
    h.affect(row, office.pandev, card := register(office.pandev))
    contents = incident_notice_contents(incident=row, step="first", language="en")
    assert contents.particulars["people_named"] == 1
    assert card.code not in str(contents.facts()) + str(contents.particulars)


# --- what is missing -----------------------------------------------------------------------------
def _without(row: Any, code: str) -> None:
    """Take this one thing away."""
    operator = Operator.objects.filter(pk=row.operator_id)
    if code in {"name", "inn", "bin", "address"}:
        operator.update(**{code: ""})
    elif code == "happened":
        row.kind = row.description = ""
    elif code == "data":
        row.data_categories.clear()
    elif code == "measures":
        row.entries.filter(kind="measure").update(kind="investigation")
    elif code == "contact":
        operator.update(responsible=None)
    elif code == "reached":
        operator.update(phone="", email="")
        person = row.operator.responsible
        person.email = ""
        person.save()
    elif code == "people":
        row.people_estimate = None
    else:
        setattr(row, code, "")
    row.save()


@pytest.mark.parametrize(
    ("code", "step", "lack"),
    [
        ({"RU": "ipm", "KZ": "pandev"}[law], str(step), lack)
        for (law, step), lacks in NEEDS.items()
        for lack in lacks
    ],
)
def test_a_notice_that_lacks_something_is_refused_by_name(
    office: Office, code: str, step: str, lack: str
) -> None:
    team = getattr(office, code)
    row = known(team)
    if step == "findings":
        notify(row, team)
    assert notice_lacks(row, step) == []
    if lack == "measures":
        # The journal cannot be bent: an incident of which no measure was noted.
        row = h.found(team)
        row = h.describe(row, team, data_categories=[h.category(team, "email")], **KNOWN)
        if step == "findings":
            first = IncidentNotice.objects.create(
                incident=row, step="first", language="ru", facts={}, digest="0" * 64,
                made_at=LATER, made_by=team.dpo,
            )  # fmt: skip
            IncidentSending.objects.create(
                notice=first, sent_at=LATER, reference="1", recorded_at=LATER,
                recorded_by=team.dpo,
            )  # fmt: skip
    else:
        _without(row, lack)
    row = h.fresh(row)
    missing = ["contact"] if lack == "contact" else [lack]
    assert notice_lacks(row, step) == missing
    with refused(IncidentNoticeLacks, LACKS[lack]) as refusal:
        notify(row, team, step)
    assert refusal.value.missing == missing
    contents = incident_notice_contents(incident=row, step=step, language="en")
    assert contents.missing == (LACKS[lack],)
    draft = text_of(notice_preview(incident=row, step=step, language="en", now=h.NOW))
    assert LACKS[lack] in draft and "Draft" in draft


def test_what_is_only_presumed_may_be_unknown_in_the_first_notice(office: Office) -> None:
    """152-FZ 21(3.1)(1) asks for presumptions; who has none yet says so, and is in time."""
    team = office.ipm
    row = known(team)
    row = h.describe(
        row, team, causes="", harm="", people_estimate=None, findings="", culprits="",
        happened_from=None,
    )  # fmt: skip
    notice = notify(row, team).notice
    paper = text_of(notice_paper(notice))
    with override("ru"):
        unknown = gettext("Not known yet; it is being established.")
    assert paper.count(unknown) == 4
    assert notice_lacks(row, "findings") == ["people", "causes", "harm", "findings"]


def test_nobody_may_have_caused_it(office: Office) -> None:
    """21(3.1)(2): persons whose actions caused it "if there are any"."""
    team = office.ipm
    row = h.describe(known(team), team, culprits="")
    notify(row, team)
    assert notify(row, team, "findings").notice.facts["missing"] == []


def test_named_cards_stand_for_the_number_of_people(office: Office) -> None:
    team = office.ipm
    row = h.describe(known(team), team, people_estimate=None)
    assert notice_lacks(row, "findings") == ["people"]
    h.affect(row, team, register(team))
    assert notice_lacks(row, "findings") == []


# --- that it was sent ----------------------------------------------------------------------------
def test_what_was_sent_is_kept_as_it_was(office: Office) -> None:
    team = office.ipm
    row = known(team)
    notice = notify(row, team, language="kk").notice
    assert notice.digest == digest_of(notice.facts) and len(notice.digest) == 64
    first = notice_paper(IncidentNotice.objects.get())
    # The register goes on: the paper does not.
    h.describe(row, team, description="Something else.", contact=team.deputy)
    Operator.objects.filter(pk=team.operator.pk).update(name="Another name", phone="0")
    again = notice_paper(IncidentNotice.objects.get())
    assert again == first
    assert KNOWN["description"] in text_of(first) and "17-first" in text_of(first)
    assert "notice" in h.journal(row)


def test_a_sent_notice_cannot_be_bent(office: Office) -> None:
    notify(known(office.ipm), office.ipm)
    for rows in (IncidentSending.objects, IncidentEntry.objects):
        with pytest.raises(Exception, match="append-only"), transaction.atomic():
            rows.all().delete()
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        IncidentNotice.objects.update(digest="18")
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        IncidentSending.objects.update(reference="18")


def test_the_moment_of_sending_is_between_the_detection_and_now(office: Office) -> None:
    team = office.ipm
    row = known(team)
    with refused(BeforeDetection):
        notify(row, team, sent_at=h.DETECTED - SECOND)
    with refused(NotYet):
        notify(row, team, sent_at=LATER + SECOND)
    with refused(SendingUnnumbered):
        notify(row, team, reference="  ")
    with refused(FieldsRefused):
        notify(row, team, reference="x" * 101)
    with refused(FieldsRefused):
        notify(row, team, language="de")
    assert notify(row, team, sent_at=h.DETECTED).sent_at == h.DETECTED


def test_the_results_come_after_the_first_notice(office: Office) -> None:
    team = office.ipm
    row = known(team)
    with refused(FindingsBeforeFirst):
        notify(row, team, "findings")
    notify(row, team)
    with refused(FindingsBeforeFirst):
        notify(row, team, "findings", sent_at=LATER - SECOND)
    assert notify(row, team, "findings").notice.step == "findings"
    assert not [one for one in row.deadlines.all() if one.is_open]


def test_the_same_notice_is_not_recorded_twice_but_another_may_add_to_it(office: Office) -> None:
    team = office.ipm
    row = known(team)
    notify(row, team)
    met = h.clock(row).met_at
    with refused(NoticeSentAlready, "17-first"):
        notify(row, team, reference="18")
    with refused(NoticeSentAlready):
        notify(row, team, adds=True)
    more = notify(row, team, reference="18", adds=True, sent_at=LATER + SECOND, now=LATER + SECOND)
    assert (more.reference, sendings_of(row).count()) == ("18", 2)
    # Nothing has become known since: it is the same paper.
    assert row.notices.count() == 1
    assert h.clock(row).met_at == met


def test_the_authority_may_ask_when_all_is_done(office: Office) -> None:
    team = office.pandev
    row = known(team)
    notify(row, team)
    h.close(row, team)
    assert notify(row, team, reference="18", adds=True).reference == "18"


def test_the_data_of_a_category_stand_in_the_language_of_the_paper(office: Office) -> None:
    row = known(office.ipm)
    email = DataCategory.objects.get(operator=office.ipm.operator, code="email")
    for language in LANGUAGES:
        paper = text_of(notice_preview(incident=row, step="first", language=language, now=h.NOW))
        assert getattr(email, f"name_{language}") in paper


# --- the paper that went -------------------------------------------------------------------------
def test_what_is_recorded_late_says_no_more_than_was_sent(office: Office) -> None:
    """A measure of the evening stands in no notice of the morning."""
    team = office.ipm
    row = known(team)
    kept = h.write(row, team)
    sent_at = h.NOW + timedelta(hours=1)
    evening = LATER - timedelta(minutes=1)
    h.note(row, team, text="Every password was changed.", happened_at=evening, now=LATER)
    h.describe(row, team, description="It was another table.", now=LATER)
    h.affect(row, team, register(team), now=LATER)
    # By the paper that was written before it went.
    sending = notify(row, team, notice=kept, sent_at=sent_at)
    assert (sending.notice, kept.retold) == (kept, False)
    paper = text_of(notice_paper(kept))
    assert KNOWN["description"] in paper and "another table" not in paper
    assert "password" not in paper
    assert h.clock(row).met_at == sent_at
    # Without one: what was done after it does not stand there, and that it was retold does.
    other = known(team)
    h.note(other, team, text="Every password was changed.", happened_at=evening, now=LATER)
    h.affect(other, team, register(team), now=LATER)
    retold = notify(other, team, sent_at=sent_at).notice
    assert retold.retold and "password" not in str(retold.facts)
    assert retold.facts["particulars"]["people_named"] == 0
    with override("ru"):
        words = gettext("Written down after the sending")
    assert words in text_of(notice_paper(retold))


def test_a_paper_goes_only_for_what_it_can_be(office: Office) -> None:
    team = office.ipm
    row, other = known(team), known(team)
    kept = h.write(row, team)
    with refused(WrittenAfterSending):
        notify(row, team, notice=kept, sent_at=h.NOW - timedelta(minutes=1))
    with refused(NotThisIncident):
        notify(other, team, notice=kept)
    bare = h.found(team)
    with refused(IncidentNoticeLacks):
        h.write(bare, team)
    # Written twice without anything new it is one paper.
    assert h.write(row, team, now=LATER) == kept


def test_the_results_never_say_not_known_yet(office: Office) -> None:
    """152-FZ 21(3.1)(2): an investigation has results."""
    team = office.ipm
    row = h.describe(known(team), team, happened_from=None)
    notify(row, team)
    notice = notify(row, team, "findings").notice
    assert "Not known yet" not in str(notice.facts)
    with override("ru"):
        unknown, found_out = (
            gettext("Not known yet; it is being established."),
            gettext("The investigation could not establish it."),
        )
    paper = text_of(notice_paper(notice))
    assert unknown not in paper and found_out in paper


def test_a_slip_of_a_sending_is_corrected_and_the_clock_follows(office: Office) -> None:
    team = office.ipm
    row = known(team)
    late = h.DETECTED + timedelta(hours=30)
    old = notify(row, team, sent_at=late, now=late)
    assert h.clock(row).met_at == late and late > h.clock(row).ends_at
    right = h.DETECTED + timedelta(hours=3)
    with refused(NothingToCorrect):
        h.correct(old, team, now=late)
    with refused(ReasonMissing):
        h.correct(old, team, sent_at=right, reason=" ", now=late)
    for wrong, error in (
        (h.DETECTED - SECOND, BeforeDetection), (late + SECOND, NotYet),
        (datetime(1, 1, 1, tzinfo=ZoneInfo("Europe/Moscow")), CalendarMissing),
    ):  # fmt: skip
        with refused(error):
            h.correct(old, team, sent_at=wrong, now=late)
    new = h.correct(old, team, sent_at=right, reference="18", now=late)
    assert (new.replaces, new.reason) == (old, "a slip of the pen")
    assert list(sendings_of(row)) == [new]
    clock = h.clock(row)
    assert clock.met_at == right
    assert clock.history.first().history_change_reason == "a slip of the pen"
    with refused(SendingCorrected):
        h.correct(old, team, sent_at=late, now=late)
    # The results cannot have gone before the first notice, corrected or not.
    results = notify(row, team, "findings", sent_at=late, now=late)
    with refused(FindingsBeforeFirst):
        h.correct(results, team, sent_at=right - SECOND, now=late)
    with refused(FindingsBeforeFirst):
        h.correct(new, team, sent_at=late + SECOND, now=late + SECOND)
    assert row.number not in text_of(notice_paper(old.notice)) or "18" in text_of(
        notice_paper(old.notice)
    )


def test_a_moment_that_no_clock_tells_is_refused(office: Office) -> None:
    team = office.ipm
    row = known(team)
    first = datetime(1, 1, 1, tzinfo=ZoneInfo("Europe/Moscow"))
    for act in (
        lambda: notify(row, team, sent_at=first),
        lambda: h.note(row, team, happened_at=first),
        lambda: h.describe(row, team, happened_from=first),
        lambda: h.redetect(row, team, detected_at=first),
    ):
        with refused(CalendarMissing):
            act()


def test_whoever_has_left_speaks_for_nobody(office: Office) -> None:
    team = office.ipm
    row = h.describe(known(team), team, contact=team.deputy)
    assert contact_of(row) == team.deputy
    Membership.objects.filter(user=team.deputy).update(ended_on=date(2026, 1, 1))
    assert contact_of(h.fresh(row)) == team.dpo
