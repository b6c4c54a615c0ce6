"""Promise 2 for a correspondence: what its end destroyed opens from no copy, once the key is gone.

The form before its code, the request, letters of every way, what was changed in them, files.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from registry import seam
from requests.models import Letter, SubjectRequest
from requests.services.ends import ends_sweep
from requests.services.forgetting import submissions_sweep
from requests.services.letters import letter_receive
from requests.services.posting import letters_deliver
from requests.services.submissions import submission_confirm, submission_make
from subjects.models import DestructionItem
from subjects.services import keys
from subjects.services.files import files_look
from subjects.services.keys import lost_keys
from subjects.vault import keyring
from subjects.vault.field import SealedField
from subjects.vault.models import Sealed, VaultKey
from tests.conftest import Office
from tests.requests import asking, forms
from tests.requests import corresponding as c
from tests.requests.asking import LATER
from tests.requests.forms import NOW
from tests.subjects.attacker import (
    OF_FILES,
    SEALED,
    Loot,
    files_of_database,
    steal,
    still_lying_around,
)
from tests.subjects.test_attacker import (
    delete_no_keys,
    files_of_office,
    keks,
    no_foreign_keks,
)

KINDS = (Sealed.REQUEST, Sealed.LETTER, Sealed.SUBMISSION)
NAME, EMAIL, MESSAGE = "Хатшиева Анна", "writer.a7@example.org", "message-a7 удалите"
DEAD, FIRST, SECOND = "dead-form-a7", "first-draft-a7", "second-draft-a7"
REPLY, STREET, PAPER = "reply-of-person-a7", "street-a7 1", "on-paper-a7"
PDF = b"%PDF-1.4\nfile-of-form-a7\n%%EOF"
PICTURE = forms.picture("PNG") + b"file-of-letter-a7"
# What each kind must not give away.
OF_FORM = {DEAD, "file-of-dead-a7"}
OF_REQUEST = {NAME, EMAIL, MESSAGE, STREET}
OF_LETTERS = {FIRST, SECOND, REPLY, PAPER, "file-of-form-a7", "file-of-letter-a7"}
ALL = OF_FORM | OF_REQUEST | OF_LETTERS
ENDED = LATER + timedelta(days=3)
# Claims last three years (Civil Code of Kazakhstan 178).
MUCH_LATER = ENDED + timedelta(days=3 * 366)


def known(loot: Loot, keys_of_keys: list[bytes], *kinds: int) -> set[str]:
    """Which of the words the attacker reads."""
    opened = (loot.of_kind(*kinds) if kinds else loot).opened(keys_of_keys)
    return {word for word in ALL if any(word in text for text in opened)}


def submitted(office: Office, nonce: str, text: str, content: bytes) -> Any:
    return submission_make(
        operator=office.pandev.operator,
        told=forms.told(name=NAME, email=EMAIL, message=text),
        files=[(content, "application/pdf")], nonce=nonce, language="kk", now=NOW,
    )  # fmt: skip


@pytest.fixture
def copies(live_office: Office, tmp_path: Path) -> list[Loot]:
    """The correspondence of one person, with a copy of the database at each of its stages."""
    no_foreign_keks()
    team, stolen = live_office.pandev, []
    submitted(live_office, "dead", DEAD, PDF.replace(b"form", b"dead"))
    form = submitted(live_office, "live", MESSAGE, PDF)
    stolen.append(steal(tmp_path / "form"))
    submission_confirm(
        operator=team.operator, public_id=form.public_id, code=forms.mailed_code(), now=NOW
    )
    request = asking.again(SubjectRequest.objects.get())
    letter = c.draft(request, team, text=FIRST)
    c.edit(letter, team, body=SECOND)
    c.send(c.fresh(letter), team)
    letter_receive(subject_request=request, body=REPLY, files=[(PICTURE, "")], now=LATER)
    by_post = asking.receive(team, answer_by="post", email="", postal=STREET, message="")
    paper = c.draft(asking.again(by_post), team, text=PAPER)
    c.printed(c.send(paper, team), team)
    c.prove(c.fresh(paper), team)
    stolen.append(steal(tmp_path / "live"))
    for row in (request, by_post):
        asking.refuse(asking.item_of(row), team)
        asking.close(row, team)
    for paper in Letter.objects.filter(by="post", state="queued"):
        c.printed(paper, team)
        c.prove(c.fresh(paper), team)
    letters_deliver(now=LATER + timedelta(hours=3))
    return stolen


def end(*days: datetime) -> None:
    """What the hourly sweeps do, each on its day."""
    submissions_sweep(now=NOW + timedelta(days=2))
    for day in days:
        ends_sweep(now=day)


def test_the_attacker_knows_whatever_the_office_seals() -> None:
    """A field or a kind of file that is new and not sought here would pass for safe."""
    statements = [one for several in SEALED.values() for one in several]
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, SealedField):
                column, table = field.column, model._meta.db_table
                assert any(
                    statement.split(" FROM ")[0].endswith(f"{column}")
                    and f"FROM {table}" in statement.replace("ONLY ", "")
                    for statement in statements
                ), f"{table}.{column}"
    assert {kind for kind, _ in SEALED} | set(OF_FILES) == set(Sealed)


def test_after_the_end_and_the_retirement_nothing_opens_from_anything(
    copies: list[Loot], tmp_path: Path
) -> None:
    form, live = copies
    old = keyring.read_file(keyring.name_of("kek", keyring.ring().active("kek")))
    # Before: each copy tells what lived on its day.
    assert known(form, keks(), Sealed.SUBMISSION) == {
        NAME, EMAIL, MESSAGE, "file-of-form-a7", *OF_FORM,
    }  # fmt: skip
    assert known(live, keks(), Sealed.REQUEST) == OF_REQUEST
    # The letters name whom they go to.
    assert known(live, keks(), Sealed.LETTER) == OF_LETTERS | {NAME, EMAIL, STREET}
    # Of the confirmed form nothing opens any more, of the one that waits all.
    assert MESSAGE not in known(live, keks(), Sealed.SUBMISSION) >= OF_FORM
    backups = form | live
    assert known(still_lying_around(backups), keks()) == ALL

    end(ENDED, MUCH_LATER)
    assert not VaultKey.objects.filter(kind__in=KINDS).exists() and lost_keys() == []
    after = steal(tmp_path / "after")
    # Rows and histories are where they were; without keys they say nothing.
    assert after.of_kind(Sealed.REQUEST).ciphertexts >= live.of_kind(Sealed.REQUEST).ciphertexts
    assert known(after, keks()) == set()
    assert files_look(now=MUCH_LATER).mute == []
    if connection.vendor == "sqlite":
        # PostgreSQL does not overwrite.
        assert known(still_lying_around(backups), keks()) == set()
    # An old copy opens as long as its key-encryption key is there.
    assert known(after | backups, keks()) == ALL

    day = MUCH_LATER.date()
    keys.kek_rotate(by=None, now=MUCH_LATER, retire_on=day)
    keys.keys_keep(now=MUCH_LATER, today=day)
    seam.flush_deleted([VaultKey])
    last = steal(tmp_path / "retired")
    assert files_of_database(), "the files of the database must be at hand"
    everything = backups | after | last | still_lying_around(backups)
    assert known(everything, keks()) == set()
    # The key itself is nowhere: with it, everything would open again.
    assert known(backups, [old]) == ALL
    for path in [*files_of_office(), *files_of_database()]:
        content = path.read_bytes()
        assert old not in content and old.hex().encode() not in content, path


def test_the_attacker_succeeds_when_keys_are_not_deleted(
    copies: list[Loot], tmp_path: Path, monkeypatch: Any
) -> None:
    """The same procedure against ends that write their items and delete nothing."""
    delete_no_keys(monkeypatch)
    end(MUCH_LATER)
    assert DestructionItem.objects.filter(kind__in=KINDS).count() > len(ALL)
    keys.kek_rotate(by=None, now=MUCH_LATER, retire_on=MUCH_LATER.date())
    keys.keys_keep(now=MUCH_LATER, today=MUCH_LATER.date())
    copy = steal(tmp_path / "copy")
    assert known(copy, keks(), Sealed.REQUEST) == OF_REQUEST
    assert known(copy, keks(), Sealed.LETTER) >= OF_LETTERS - {
        "file-of-form-a7", "file-of-letter-a7",
    }  # fmt: skip
    assert DEAD in known(copy, keks(), Sealed.SUBMISSION)
