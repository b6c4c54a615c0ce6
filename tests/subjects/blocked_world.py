"""Everything that a service, verb, task or command could want to do with a blocked person."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

from django.core.management import call_command
from django.test import Client

from registry.models import LegalBasis, ProcessingActivity
from subjects.models import Consent, DataSubject, ImportConflict, SubjectImport
from subjects.services.cards import cards_link
from subjects.services.disclosures import disclosure_record
from subjects.services.grounds import consent_withdraw, dissemination_permit, ground_end
from subjects.services.holds import hold_place
from subjects.services.importing.uploading import import_request
from subjects.services.looking import card_reveal
from subjects.services.people import datum_record
from subjects.services.search import search
from tests.conftest import Office
from tests.subjects.blocking import LABEL, block, category, photo, picture
from tests.subjects.card_pages import CARD, forms
from tests.subjects.disclosing import transfer as open_transfer
from tests.subjects.persons import NOW, SINCE, TODAY, VALUES, agree, person, register, text_of
from tests.subjects.test_import_common import rejects, table

ACCOUNT = "u-canary-1"
NEW = "brand.new@example.kz"


class World:
    """One person with everything, not blocked yet; ``block`` blocks all of it."""

    def __init__(self, office: Office, client: Callable[[Any], Client], scratch: Path) -> None:
        self.office, self.team, self.client = office, office.pandev, client
        self.scratch = scratch
        self.known = person(self.team)
        self.card = self.known.card
        self.photo = photo(self.team, self.card)
        self.by: dict[str, Any] = {"by": self.team.dpo}
        self.numbers = itertools.count(1)
        datum_record(
            subject=self.card, category=None, identity=True, text=ACCOUNT, collected_on=SINCE,
            by=self.team.clerk, today=TODAY,
        )  # fmt: skip
        card_reveal(subject=self.card, user=self.team.dpo, reason="before the block", now=NOW)

    def block(self) -> None:
        self.standing = block(self.team, self.card)

    # --- what there is -----------------------------------------------------------------------
    @cached_property
    def shown(self) -> Consent:
        """A consent that lets data be shown, of the same card."""
        activity = ProcessingActivity.objects.get(
            operator=self.team.operator, code="licence_agreement"
        )
        text = text_of(
            self.team, "wide", dissemination=True, third_parties=True, name_en="Wide",
            activities=[activity],
        )  # fmt: skip
        return agree(
            self.team, self.card, activity.code, text=text, dissemination=True, third_parties=True
        )

    @cached_property
    def permission(self) -> Any:
        return dissemination_permit(**self.choice, permission="allowed")

    @cached_property
    def choice(self) -> dict[str, Any]:
        return {
            "consent": self.shown, "category": self.shown.text.data_categories.first(),
            "started_on": TODAY, "today": TODAY, **self.by,
        }  # fmt: skip

    @cached_property
    def other(self) -> DataSubject:
        return register(self.team)

    @cached_property
    def link(self) -> Any:
        return cards_link(first=self.card, second=self.other, now=NOW, reason="x", **self.by)

    @cached_property
    def free(self) -> dict[str, Any]:
        """An activity and a basis on which the person has no ground yet."""
        activity = ProcessingActivity.objects.get(operator=self.team.operator, code="services")
        basis = LegalBasis.objects.filter(
            jurisdiction=self.team.operator.jurisdiction, closed_on=None
        ).exclude(kind="consent")[0]
        activity.legal_bases.add(basis)
        return {"activity": activity, "legal_basis": basis}

    @cached_property
    def agreed(self) -> dict[str, Any]:
        activity = ProcessingActivity.objects.get(
            operator=self.team.operator, code="software_access"
        )
        text = text_of(self.team, "software", name_en="Software", activities=[activity])
        return {
            "subject": self.card, "activity": activity, "text": text, "channel": "email",
            "legal_basis": LegalBasis.objects.get(code="KZ.7.1"), "given_at": NOW,
        }  # fmt: skip

    @cached_property
    def found(self) -> str:
        """A search by the person's address, whose hits are on a page."""
        made = search(
            user=self.team.dpo, text=VALUES["email"], now=NOW, operators=[self.team.operator]
        )
        assert made.subjects == [self.card.pk]
        return str(made.pk)

    def demanded(self) -> list[Any]:
        return [category(self.team, "email")]

    def demand(self) -> dict[str, Any]:
        """What a court wants to know about the person."""
        return {
            "operator": self.team.operator, "kind": "state_body", "body_kind": "court",
            "body": "District court", "legal_basis": LegalBasis.objects.get(code="KZ.9.1"),
            "document": "Ruling 7", "given_on": TODAY, "way": "post",
            "people": {self.card: self.demanded()}, "now": NOW, **self.by,
        }  # fmt: skip

    @cached_property
    def given(self) -> Any:
        return disclosure_record(**self.demand())

    @cached_property
    def transfer(self) -> Any:
        return open_transfer(self.team)

    @cached_property
    def forms(self) -> dict[str, tuple[dict[str, Any], Any]]:
        return forms(self.known, self.team)

    def facts(self, code: str = "email", text: str = NEW) -> dict[str, Any]:
        return {
            "subject": self.card, "category": category(self.team, code), "text": text,
            "collected_on": SINCE, "today": TODAY, **self.by,
        }  # fmt: skip

    def picture(self) -> dict[str, Any]:
        facts = self.facts("photo")
        stream = picture()
        return {
            "subject": self.card, "category": facts["category"], "stream": stream,
            "size": len(stream.getvalue()), "source": "subject", "collected_on": SINCE,
            "now": NOW, **self.by,
        }  # fmt: skip

    # --- imports -----------------------------------------------------------------------------
    def rows(self) -> bytes:
        return table({"account": ACCOUNT, "device": "Another browser 7"})

    def uploaded(self) -> SubjectImport:
        return import_request(
            operator=self.team.operator, pieces=lambda: [self.rows()], dry_run=False, now=NOW,
            **self.by,
        )  # fmt: skip

    def told(self) -> str:
        """How the last import ended: ``taken``, or why its row was refused."""
        run = SubjectImport.objects.latest("pk")
        assert run.state == "done", run.state
        return "; ".join(said for _, _, said in rejects(run)) or "taken"

    def conflict(self) -> ImportConflict:
        return ImportConflict.objects.create(
            run=self.uploaded(), line=2, column="iin", subject=self.card, other=self.other
        )

    # --- ends --------------------------------------------------------------------------------
    def end(self) -> None:
        for consent in self.known.consents:
            consent_withdraw(consent=consent, channel="email", received_at=NOW, now=NOW, **self.by)
        ground_end(
            ground=self.known.grounds[-1], ended_on=TODAY, end_reason="purpose_achieved",
            today=TODAY, reason="over", **self.by,
        )  # fmt: skip

    # --- pages and commands ------------------------------------------------------------------
    def get(self, page: str) -> bytes:
        paths = {
            "people_find": f"{CARD}/find/",
            "people_given": f"{CARD}/{self.card.pk}/given/",
            "people_file": f"{CARD}/{self.card.pk}/file/{self.photo.pk}/",
            "changelist": f"{CARD}/",
            "add": f"{CARD}/add/",
            "simple_history": f"{CARD}/{self.card.pk}/history/1/",
        }
        if page == "people_found":
            paths[page] = f"{CARD}/found/{self.found}/"
        client = self.client(self.team.dpo)
        client.raise_request_exception = False
        response = client.get(paths.get(page, f"{CARD}/{self.card.pk}/{page}/"))
        if response.streaming:
            return b"".join(response.streaming_content)
        return bytes(response.content)

    def post(self, verb: str) -> Any:
        data = {
            "export": {"reason": LABEL},
            "prove": {"consent": self.known.consents[0].pk, "language": "en"},
            "photo": {
                "category": category(self.team, "photo").pk, "source": "subject",
                "collected_on": str(SINCE), "photo": self._upload(),
            },
            "block": {"category": "", "why": "check", "label": "new", "reason": "x"},
            "hold": {"label": "new", "document": "ruling", "reason": "x"},
        }  # fmt: skip
        if verb == "rule":
            data[verb] = {
                "datum": self.known.data["email"].pk, "why": "ordered", "label": "C-7",
                "reason": "x", "counted_from": str(TODAY),
            }  # fmt: skip
        if verb == "lift":
            data[verb] = {"block": self.standing.pk, "reason": "x"}
        if verb == "release":
            data[verb] = {"stop": self.hold().pk, "reason": "x"}
        posted = data[verb] if verb in data else self.forms[verb][0]
        return self.client(self.team.dpo).post(f"{CARD}/{self.card.pk}/{verb}/", posted)

    def _upload(self) -> io.BytesIO:
        stream = picture()
        stream.name = "a.png"
        return stream

    def hold(self) -> Any:
        return hold_place(
            subject=self.card, document="ruling", label=f"Case {next(self.numbers)}", reason="x",
            now=NOW, **self.by,
        )  # fmt: skip

    def command(self, name: str, *args: str, typed: str = "", **options: Any) -> str:
        out = io.StringIO()
        with mock.patch("sys.stdin", io.StringIO(typed)):
            try:
                call_command(name, *args, stdout=out, stderr=out, **options)
            except SystemExit as left:
                out.write(f" exit {left.code}")
        return out.getvalue()
