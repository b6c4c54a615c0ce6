"""Rows of the people's app for the crawl: cards that look real, and the journals around them."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Model

from registry import models as r
from registry.choices import BasisKind
from registry.services import audit
from subjects import models as s
from subjects.choices import DisclosureKind, Looked, StateBody
from subjects.services.disclosures import disclosure_record, disclosure_reverse
from subjects.services.people import subject_register
from subjects.vault import store
from subjects.vault.field import Plain
from subjects.vault.models import KeyUse, Sealed
from tests.conftest import Team
from tests.crawl.makers import make, maker, saved

STARTED_ON = date(2025, 3, 1)
NOW = datetime(2025, 12, 22, 12, tzinfo=UTC)


@maker(s.DataSubject)
def data_subject(team: Team, mark: str) -> Model:
    row = subject_register(
        operator=team.operator, category=make(r.SubjectCategory, team), by=team.clerk, now=NOW,
        reason=mark,
    )  # fmt: skip
    return audit.save(row, by=team.dpo, reason=f"{mark} again", fields=["kind"])


@maker(s.PersonalDatum)
def personal_datum(team: Team, mark: str) -> Model:
    row = s.PersonalDatum(
        subject=make(s.DataSubject, team),
        category=make(r.DataCategory, team),
        value=Plain(mark),
        collected_on=STARTED_ON,
    )
    return saved(row, team, mark)


@maker(s.Ground)
def ground(team: Team, mark: str) -> Model:
    return _ground(team, mark, BasisKind.LAW)


def _ground(team: Team, mark: str, kind: str) -> Any:
    activity = make(r.ProcessingActivity, team)
    bases = r.LegalBasis.objects.filter(jurisdiction=team.operator.jurisdiction, closed_on=None)
    row = s.Ground(
        subject=make(s.DataSubject, team),
        activity=activity,
        legal_basis=bases.filter(kind=kind).first() or bases.first(),
        started_on=STARTED_ON,
    )
    return saved(row, team, mark)


@maker(s.Consent)
def consent(team: Team, mark: str) -> Model:
    row = s.Consent(
        ground=_ground(team, mark, BasisKind.CONSENT),
        text=make(r.ConsentText, team),
        given_at=NOW,
        channel="email",
        dissemination=True,
        evidence=Plain(mark),
    )
    return saved(row, team, mark)


@maker(s.DisseminationPermission)
def permission(team: Team, mark: str) -> Model:
    row = s.DisseminationPermission(
        consent=make(s.Consent, team), category=make(r.DataCategory, team), started_on=STARTED_ON,
        resource=mark,
    )  # fmt: skip
    return saved(row, team, mark)


@maker(s.SubjectLink)
def subject_link(team: Team, mark: str) -> Model:
    first, second = make(s.DataSubject, team), make(s.DataSubject, team)
    return saved(s.SubjectLink(operator=team.operator, first=first, second=second), team, mark)


# --- what was given to whom ----------------------------------------------------------------------
@maker(s.Disclosure)
def disclosure(team: Team, mark: str) -> Any:
    datum = make(s.PersonalDatum, team)
    bases = r.LegalBasis.objects.filter(jurisdiction=team.operator.jurisdiction, closed_on=None)
    return disclosure_record(
        operator=team.operator,
        kind=DisclosureKind.STATE_BODY,
        body_kind=StateBody.COURT,
        body=mark,
        legal_basis=bases.filter(kind=BasisKind.COURT).first(),
        document=mark,
        people={datum.subject: [datum.category]},
        given_on=NOW.date(),
        way="post",
        by=team.dpo,
        now=NOW,
    )


@maker(s.DisclosedPerson)
def disclosed_person(team: Team, mark: str) -> Model:
    return make(s.Disclosure, team).people.get()  # type: ignore[no-any-return]


@maker(s.DisclosureReversal)
def reversal(team: Team, mark: str) -> Model:
    return disclosure_reverse(
        disclosure=make(s.Disclosure, team), reason=mark, by=team.dpo, now=NOW
    )


# --- journals and the vault ----------------------------------------------------------------------
@maker(s.AccessEvent)
def access_event(team: Team, mark: str) -> Model:
    return s.AccessEvent.objects.create(
        operator=team.operator,
        subject=make(s.DataSubject, team),
        user=team.clerk,
        what=Looked.REVEAL,
        at=NOW,
        until=NOW,
        reason=mark,
    )


@maker(s.SearchResult)
def search_result(team: Team, mark: str) -> Model:
    return s.SearchResult.objects.create(user=team.dpo, made_at=NOW, expires_at=NOW, by="code")


def _key(team: Team, kind: int, owner: int) -> int:
    return store.mint(store.Place(kind=kind, owner=owner)).number


@maker(s.SealedFile)
def sealed_file(team: Team, mark: str) -> Model:
    person = make(s.DataSubject, team)
    return s.SealedFile.objects.create(
        operator=team.operator,
        kind=Sealed.FILE,
        owner=person.pk,
        key=_key(team, Sealed.FILE, person.pk),
        place_on_disk=hashlib.sha256(mark.encode()).hexdigest(),
        media_type="image/png",
        size=1,
        made_at=NOW,
    )


@maker(s.VaultKey)
def vault_key(team: Team, mark: str) -> Model:
    return s.VaultKey.objects.get(pk=_key(team, Sealed.DATUM, make(s.DataSubject, team).pk))


@maker(s.SearchToken)
def search_token(team: Team, mark: str) -> Model:
    token = hashlib.sha256(mark.encode()).digest()[:16]
    return s.SearchToken.objects.create(token=token, key=make(s.VaultKey, team).pk)


@maker(s.DestructionItem)
def destruction_item(team: Team, mark: str) -> Model:
    person = make(s.DataSubject, team)
    return s.DestructionItem.objects.create(
        # A number that no key of a test ever has.
        key=10**9 + person.pk,
        kind=Sealed.DATUM,
        owner=person.pk,
        reason=mark,
        destroyed_at=NOW,
    )


@maker(s.MasterKey)
def master_key(team: Team, mark: str) -> Model:
    """Retired, so that nobody looks for its file."""
    number = 1_000 + s.MasterKey.objects.count()
    row = s.MasterKey(
        use=KeyUse.KEK, number=number, fingerprint=mark[-16:], made_at=NOW, retire_on=STARTED_ON,
        retired_at=NOW,
    )  # fmt: skip
    return saved(row, team, mark)


# --- imports -------------------------------------------------------------------------------------
@maker(s.SubjectImport)
def subject_import(team: Team, mark: str) -> Model:
    return s.SubjectImport.objects.create(
        operator=team.operator, state="done", digest=hashlib.sha256(mark.encode()).hexdigest(),
        made_by=team.dpo, made_at=NOW, finished_at=NOW, refusal=mark,
    )  # fmt: skip


@maker(s.ImportReject)
def import_reject(team: Team, mark: str) -> Model:
    return s.ImportReject.objects.create(
        run=make(s.SubjectImport, team), line=7, column="email", reason=mark
    )


@maker(s.ImportConflict)
def import_conflict(team: Team, mark: str) -> Model:
    return s.ImportConflict.objects.create(
        run=make(s.SubjectImport, team),
        line=8,
        column=mark[-60:],
        subject=make(s.DataSubject, team),
        other=make(s.DataSubject, team),
    )
