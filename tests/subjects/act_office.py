"""An office whose acts are due, and what must be found in it when workers have done them."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import transaction
from django.test import Client, override_settings
from django.utils import timezone
from pypdf import PdfReader

from registry import tasks as clock_tasks
from registry.models import DataCategory, Deadline, JobRun, Operator
from requests import tasks as request_tasks
from subjects import import_tasks, sealing, tasks
from subjects.choices import ActState
from subjects.models import (
    ActItem,
    ActPaper,
    Consent,
    DataSubject,
    DestructionAct,
    DestructionItem,
    Evidence,
    PersonalDatum,
    SealedFile,
    SearchToken,
    VaultKey,
)
from subjects.services import keys
from subjects.services.acts import act_approve, act_draft
from subjects.services.dates import dates_keep
from subjects.services.evidence import was_destroyed
from subjects.services.evidence_keys import kept_until
from subjects.services.files import file_open, file_seal
from subjects.services.grounds import consent_withdraw
from subjects.services.people import datum_record
from subjects.services.sweeping import unverified
from subjects.vault import keyring
from subjects.vault.models import Sealed
from subjects.vault.sealing_bridge import State, open_rows
from tests.conftest import Team, load_both, make_team
from tests.subjects.test_import_common import ROW, imported, published, table

# The person of the request, then a group for each act: people who withdrew on these days. The last
# ones' fifteen working days end on 27 March 2026; the office has slept since the first ones' did.
WITHDRAWN = [date(2026, 2, 26), date(2026, 2, 27), date(2026, 3, 2)]
LAST_DUE = date(2026, 3, 27)
GROUP = 100  # people of an act
STAYING = 10  # people who agree still
PHOTOS = 3  # of each group
LABEL = "REQ-2026-0001"
VALUES = 3  # of each person, besides the photos
ALL = 1 + GROUP * (len(WITHDRAWN) - 1)
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")
DRAFTED_AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
KEY_STANDS = "EXISTS (SELECT 1 FROM subjects_vaultkey k WHERE k.id = {}.key)"
# Of all that can be half-done: each must be none at any moment, whoever died.
NEVER = {
    "keys without an item, or items beside their key": (
        f"SELECT count(*) FROM subjects_actitem i WHERE {KEY_STANDS.format('i')} = "
        "EXISTS (SELECT 1 FROM subjects_destructionitem d WHERE d.key = i.key)"
    ),
    "tokens without a key": (
        f"SELECT count(*) FROM subjects_searchtoken t WHERE NOT {KEY_STANDS.format('t')}"
    ),
    "evidence of what stands": (
        f"SELECT count(*) FROM subjects_evidence e WHERE {KEY_STANDS.format('e')}"
    ),
    "papers of open acts": (
        "SELECT count(*) FROM subjects_actpaper p JOIN subjects_destructionact a "
        "ON a.id = p.act_id WHERE a.state <> 'closed'"
    ),
    "said twice": (
        "SELECT count(*) FROM subjects_actitem WHERE outcome <> ''"
    ),
}  # fmt: skip


def tell(found: dict[str, Any]) -> None:
    print(json.dumps(found), flush=True)


def _notes() -> Path:
    return Path(settings.OFFICE_VAR) / "seed.json"


def email(number: int) -> str:
    return f"leaving{number}@example.org"


# --- the seed ------------------------------------------------------------------------------------
def seed() -> None:
    """Three approved acts, of one person and of twice ``GROUP``, and people who stay."""
    call_command("migrate", interactive=False, verbosity=0)
    load_both()
    team = make_team("pandev")
    published(team.operator, team.dpo)
    rows = [
        ROW | {"account": f"u-{n}", "email": email(n), "evidence": f"sheet {n}"}
        for n in range(ALL + STAYING)
    ]
    assert imported(team, table(*rows), now=DRAFTED_AT).people_new == len(rows)
    people = list(DataSubject.objects.order_by("pk"))
    groups = [people[:1]] + [
        people[at : at + GROUP] for at in range(1, ALL, GROUP)
    ]  # fmt: skip
    for day, group in zip(WITHDRAWN, groups, strict=True):
        _leave(team, group, datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
    dates_keep([one.pk for one in people], today=DRAFTED_AT.date())
    until = LAST_DUE + timedelta(days=30)
    options: dict[str, Any] = {"operator": team.operator, "until": until, "by": None}
    acts = act_draft(subjects=[people[0].pk], label=LABEL, now=DRAFTED_AT, **options)
    acts += act_draft(now=DRAFTED_AT, **options)
    for act in acts:
        act_approve(act=act, by=team.dpo, now=DRAFTED_AT)
    acts.sort(key=lambda act: (act.due_on, act.pk))
    going = {
        act.number: sorted(filter(None, act.items.values_list("key", flat=True))) for act in acts
    }
    due = {key for numbers in going.values() for key in numbers}
    assert len(due) == ALL * VALUES + PHOTOS * (len(groups) - 1)
    assert max(act.due_on for act in acts) == LAST_DUE
    kept = VaultKey.objects.exclude(pk__in=due).values_list("pk", flat=True)
    notes = {
        "acts": [[act.number, act.due_on.isoformat(), going[act.number]] for act in acts],
        "kept": sorted(kept),
        "tokens": _strong_tokens(due),
        "versions": PersonalDatum.history.count() + Consent.history.count(),
    }
    _notes().write_text(json.dumps(notes))
    tell({"acts": [act.number for act in acts], "keys": len(due), "evidence": len(notes["tokens"])})


def _leave(team: Team, group: list[DataSubject], at: datetime) -> None:
    photo = DataCategory.objects.filter(operator=team.operator, format="image")[0]
    for number, subject in enumerate(group):
        if number < PHOTOS and len(group) > 1:
            with transaction.atomic():
                file = file_seal(
                    operator=team.operator, kind=Sealed.FILE, owner=subject.pk, category=photo.pk,
                    pieces=[JPEG], media_type="image/jpeg", now=at,
                )  # fmt: skip
                datum_record(
                    subject=subject, category=photo, file=file, collected_on=at.date(),
                    by=team.clerk, today=at.date(),
                )  # fmt: skip
        for consent in Consent.objects.filter(ground__subject=subject):
            consent_withdraw(
                consent=consent, channel="email", received_at=at, by=team.clerk, now=DRAFTED_AT
            )


def _strong_tokens(due: set[int]) -> list[list[Any]]:
    """Of each e-mail and account that goes: its token, its key and the search key behind it."""
    strong = PersonalDatum.objects.filter(value_key__in=due).exclude(
        category__code__in=["full_name"]
    )
    search = dict(
        VaultKey.objects.filter(pk__in=strong.values("value_key")).values_list("pk", "search")
    )
    rows = SearchToken.objects.filter(key__in=search)
    return sorted(
        [bytes(token).hex(), key, search[key]] for token, key in rows.values_list("token", "key")
    )


# --- the check -----------------------------------------------------------------------------------
def check() -> None:
    """``wrong``: by name, everything that is lost, doubled or half-done; empty when all is well."""
    notes = json.loads(_notes().read_text())
    wrong: dict[str, Any] = {}

    def must(name: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            wrong.setdefault(name, f"{found!r:.300} is not {wanted!r:.300}")

    team = DestructionAct.objects.select_related("operator").first()
    assert team is not None
    _vault(notes, must)
    _evidence(notes, team.operator.pk, must)
    _acts(notes, must)
    _versions(notes, must)
    photos = SealedFile.objects.filter(kind=Sealed.FILE)
    must("files", sorted(row.pk for row in photos if row.path.exists()), [])
    must("rows of files", photos.count(), PHOTOS * (len(WITHDRAWN) - 1))
    sweeps = JobRun.objects.filter(job="sweep_destruction")
    destroyed = sum(run.did.get("destroyed", 0) for run in sweeps)
    failed = sweeps.filter(state="failed").count()
    _pages(must)
    # Once more: nothing is left to do.
    tasks.sweep_destruction()
    last = sweeps.order_by("-pk")[0]
    left = {name: count for name, count in last.did.items() if count and name != "looked"}
    must("another sweep", left, {})
    must("ready", _ready(), {})
    tell({
        "wrong": wrong,
        "gone": DestructionItem.objects.count(),
        "closed": DestructionAct.objects.filter(state=ActState.CLOSED).count(),
        "papers": ActPaper.objects.count(),
        "evidence": Evidence.objects.count(),
        "by_value": [
            act.verification["by_value"]["state"]
            for act in DestructionAct.objects.filter(label=LABEL)
        ],
        "told_of": destroyed,
        "failed": failed,
    })  # fmt: skip


def _vault(notes: dict[str, Any], must: Any) -> None:
    """Each key that was due has gone once, by its own act; each other one stands and opens."""
    due = sorted((key, number) for number, _, numbers in notes["acts"] for key in numbers)
    items = DestructionItem.objects.order_by("key").values_list("key", "act__number")
    must("an item for each key, once", list(items), due)
    papers = VaultKey.objects.filter(kind=Sealed.ACT_PAPER)
    must("a key for each paper", papers.count(), ActPaper.objects.count())
    standing = VaultKey.objects.exclude(pk__in=papers).order_by("pk").values_list("pk", flat=True)
    must("the keys that stand", list(standing), notes["kept"])
    must("tokens of gone keys", SearchToken.objects.exclude(key__in=notes["kept"]).count(), 0)
    must("lost", keys.lost_keys(), [])
    states = Counter(one.state for one in _opened())
    must("values that open", states[State.OPEN], len(notes["kept"]))
    must("values that are mute", states[State.DESTROYED], len(due) - _photos())
    must("values that are anything else", len(states), 2)


def _photos() -> int:
    return PHOTOS * (len(WITHDRAWN) - 1)


def _opened() -> Iterator[Any]:
    data = PersonalDatum.objects.filter(value_key__isnull=False)
    yield from open_rows(data.select_related("subject", "category"), "value").values()
    proofs = Consent.objects.filter(evidence_key__isnull=False)
    yield from open_rows(proofs, "evidence").values()


def _evidence(notes: dict[str, Any], operator: int, must: Any) -> None:
    """A mark for each strong token that went, made here from what the seed remembers."""
    secret = keyring.evidence_key(LAST_DUE.year)
    wanted = sorted(
        (sealing.mark(secret, operator, search, bytes.fromhex(token)).hex(), key, search)
        for token, key, search in notes["tokens"]
    )
    rows = Evidence.objects.values_list("mark", "key", "search", "year", "operator", "keep_until")
    must(
        "evidence, once for each",
        sorted((bytes(mark).hex(), key, search) for mark, key, search, *_ in rows),
        wanted,
    )
    must("years of evidence", {tuple(rest[:2]) for _, _, _, *rest in rows}, {(2026, operator)})
    gone = dict(DestructionItem.objects.values_list("key", "destroyed_at"))
    zone = Operator.objects.select_related("jurisdiction").get(pk=operator).zone
    must(
        "ends of evidence",
        {(key, rest[2]) for _, key, _, *rest in rows},
        {(key, kept_until(gone[key].astimezone(zone).date())) for _, key, *_ in rows},
    )


def _acts(notes: dict[str, Any], must: Any) -> None:
    must("acts", sorted(n for n, *_ in notes["acts"]),
         sorted(DestructionAct.objects.values_list("number", flat=True)))  # fmt: skip
    must("unverified", unverified(), [])
    must("outcomes", set(ActItem.objects.values_list("outcome", "why")), {("", "")})
    kind = ContentType.objects.get_for_model(DestructionAct)
    for number, due_on, numbers in notes["acts"]:
        act = DestructionAct.objects.select_related("operator__jurisdiction").get(number=number)
        must(f"{number} is", act.state, ActState.CLOSED)
        if act.state != ActState.CLOSED:
            continue
        gone = DestructionItem.objects.filter(act=act).order_by("destroyed_at")
        moments = list(gone.values_list("destroyed_at", flat=True))
        steps = [
            act.drafted_at, act.approved_at, act.started_at, *moments, act.finished_at,
            act.verified_at, act.closed_at,
        ]  # fmt: skip
        must(f"{number}: steps in their order", steps, sorted(steps))
        first = act.started_at.astimezone(act.operator.zone).date()
        must(f"{number}: not before its day", first >= date.fromisoformat(due_on), True)
        must(
            f"{number}: said once in the history",
            Counter(act.history.values_list("history_change_reason", flat=True)),
            Counter(["drafted", "approved", "execution began", "keys", "executed", "verified",
                     "closed"]),
        )  # fmt: skip
        clocks = Deadline.objects.filter(about_type=kind, about_id=act.pk)
        must(f"{number}: its clock", [clock.met_at for clock in clocks], [act.finished_at])
        must(f"{number}: verification", act.verification["failed"], [])
        must(f"{number}: keys verified", act.verification["structure"]["keys"], len(numbers))
        _papers(act, numbers, must)


def _papers(act: DestructionAct, numbers: list[int], must: Any) -> None:
    """One of each kind and language, whole, and true."""
    papers = list(ActPaper.objects.filter(act=act).order_by("kind", "language"))
    must(
        f"{act.number}: papers", [(paper.kind, paper.language) for paper in papers],
        [("act", "en"), ("act", "kk"), ("act", "ru"), ("log", "")],
    )  # fmt: skip
    for paper in papers:
        content = b"".join(file_open(paper.file))
        must(f"{act.number}: digest", hashlib.sha256(content).hexdigest(), paper.digest)
        must(f"{act.number}: made at", paper.made_at, act.closed_at)
        if paper.kind == "log":
            _, *lines = csv.reader(io.StringIO(content.decode(), newline=""))
            must(f"{act.number}: lines of the log", sorted(int(row[5]) for row in lines), numbers)
        else:
            pages = PdfReader(io.BytesIO(content)).pages
            must(f"{act.number} is named in its paper", act.number in pages[0].extract_text(), True)


def _versions(notes: dict[str, Any], must: Any) -> None:
    """The history of people is as it was; every old version of what is gone is mute."""
    count = PersonalDatum.history.count() + Consent.history.count()
    must("versions", count, notes["versions"])
    old = PersonalDatum.history.exclude(value_key=None).order_by("history_id")
    kept = set(notes["kept"])
    for rows, state in (
        (old.filter(value_key__in=kept), State.OPEN),
        (old.exclude(value_key__in=kept), State.DESTROYED),
    ):
        found = {one.state for one in open_rows(list(rows), "value").values()}
        must(f"old versions: {state.name}", found, {state})


def _pages(must: Any) -> None:
    """The history of an act opens, its papers come down, and whoever asks is answered."""
    act = DestructionAct.objects.select_related("operator", "approved_by").order_by("pk")[1]
    assert act.approved_by is not None
    with override_settings(ALLOWED_HOSTS=["localhost"]):
        client = Client(headers={"host": "localhost"})
        client.force_login(act.approved_by, backend="registry.access.RoleBackend")
        page = f"/admin/subjects/destructionact/{act.pk}"
        paper = ActPaper.objects.filter(act=act)[0]
        for url in (f"{page}/change/", f"{page}/history/", f"{page}/paper/{paper.pk}/"):
            must(url, client.get(url).status_code, 200)
    for number in (0, ALL - 1):
        answers = was_destroyed(
            operator=act.operator, text=email(number), by=None, now=timezone.now()
        )
        must(f"asked of {number}", [answer.matched for answer in answers], ["email"])


def _ready() -> dict[str, str]:
    """What ``/readyz`` finds wrong when the jobs have run, as beat would have rung them."""
    for job in (
        clock_tasks.remind, clock_tasks.digest, clock_tasks.deliver, clock_tasks.watch_notices,
        tasks.keep_keys, tasks.watch_vault, tasks.forget_results, tasks.call_systems,
        import_tasks.import_sweep, request_tasks.fetch_mail,
    ):  # fmt: skip
        job()
    with override_settings(ALLOWED_HOSTS=["localhost"]):
        answer = Client(headers={"host": "localhost"}).get("/readyz")
    checks = answer.json()["checks"]
    return {name: state for name, state in checks.items() if state != "ok"}
