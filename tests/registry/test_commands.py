"""The commands that make people: the first DPO, and the staff of the demo."""

from __future__ import annotations

import getpass
import io
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from registry.commands import terminal_language
from registry.models import Membership, Operator, User
from tests.registry.test_law import counts

GOOD = "seven-quiet-herons"

pytestmark = pytest.mark.django_db


@pytest.fixture
def create(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run ``create_dpo --password-stdin``; returns what it prints."""

    def run(username: str = "vera", *options: str, typed: bytes = f"{GOOD}\n".encode()) -> str:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed), encoding="utf-8"))
        out = io.StringIO()
        args = {"--operator": "ipm", "--email": "vera@example.org"}
        args |= dict(zip(options[::2], options[1::2], strict=False))
        words = [word for pair in args.items() for word in pair if word]
        call_command("create_dpo", username, "--password-stdin", *words, stdout=out)
        return out.getvalue()

    return run


def refused(run: Callable[[], Any]) -> str:
    """One sentence, exit code 2, and nothing made."""
    before = counts()
    with pytest.raises(CommandError) as refusal:
        run()
    assert refusal.value.returncode == 2 and counts() == before
    said = str(refusal.value)
    assert said and "\n" not in said
    return said


# create_dpo


def test_the_first_dpo(create: Callable[..., str]) -> None:
    assert create("vera", "--language", "kk") == "vera is DPO of ipm.\n"
    vera = User.objects.get(username="vera")
    assert (vera.language, vera.email, vera.is_staff, vera.is_superuser) == (
        "kk", "vera@example.org", True, False,
    )  # fmt: skip
    assert vera.check_password(GOOD)
    assert Membership.objects.get(user=vera).role == "dpo"
    assert Operator.objects.get(code="ipm").responsible == vera
    assert vera.history.get().history_change_reason == "create_dpo"
    assert vera.has_perm("registry.view_operator", Operator.objects.get(code="ipm"))


def test_with_an_undertaking_the_pages_of_people_are_open(create: Callable[..., str]) -> None:
    create("vera", "--undertaking", " 12-k ")
    role = Membership.objects.get(user__username="vera")
    assert (role.undertaking, role.undertaking_on) == ("12-k", role.started_on)
    create("zoya", "--operator", "pandev")
    role = Membership.objects.get(user__username="zoya")
    assert (role.undertaking, role.undertaking_on) == ("", None)
    assert "100" in refused(lambda: create("olga", "--undertaking", "1" * 101))


def test_whoever_has_a_position_can_sign(create: Callable[..., str]) -> None:
    create("vera", "--position", " Head of data protection ")
    assert Membership.objects.get(user__username="vera").position == "Head of data protection"
    assert "200" in refused(lambda: create("olga", "--position", "1" * 201))


def test_the_administrator_may_be_the_first_dpo(create: Callable[..., str]) -> None:
    create("vera", "--administrator", "")
    assert User.objects.get(username="vera").is_superuser


@pytest.mark.parametrize("typed", [f"{GOOD}\r\n", GOOD, f"{GOOD}\nmore"])
def test_the_password_is_the_first_line(create: Callable[..., str], typed: str) -> None:
    create(typed=typed.encode())
    assert User.objects.get(username="vera").check_password(GOOD)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (b"", "too short"),
        (b"\n", "too short"),
        (b"short\n", "too short"),
        (b"123456789012345\n", "entirely numeric"),
        (b"passwordpassword\n", ""),
        (b"vera@example.org\n", "similar"),
        (b"\xff\xfe seven quiet\n", "no text"),
    ],
)
def test_a_weak_password_is_refused(create: Callable[..., str], typed: bytes, said: str) -> None:
    if typed == b"passwordpassword\n":
        create(typed=typed)  # long enough and on no list
        return
    assert said in refused(lambda: create(typed=typed))


@pytest.mark.parametrize(
    ("username", "options", "said"),
    [
        ("vera", ("--operator", "apple"), "no operator apple"),
        ("vera", ("--email", "not-an-address"), "valid email"),
        ("vera", ("--email", "a@b"), "valid email"),
        ("ve ra!", (), "valid username"),
        ("v" * 151, (), "150"),
        ("ve\x00ra", (), "no text can have"),
        ("ve\udcffra", (), "no text can have"),
        ("vera", ("--email", "vera@\nexample.org"), "no text can have"),
    ],
)
def test_a_wrong_account_is_refused(
    create: Callable[..., str], username: str, options: tuple[str, ...], said: str
) -> None:
    assert said in refused(lambda: create(username, *options))


def test_a_name_that_is_taken_is_refused_before_the_password(create: Callable[..., str]) -> None:
    create()
    assert "vera exists already" in refused(lambda: create(typed=b"short"))


def test_the_terminal_asks_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [GOOD, GOOD, GOOD, "something-else", EOFError(), KeyboardInterrupt()]

    def answer(prompt: str) -> str:
        given = answers.pop(0)
        if isinstance(given, BaseException):
            raise given
        return str(given)

    monkeypatch.setattr(getpass, "getpass", answer)

    def run(username: str) -> None:
        call_command(
            "create_dpo", username, "--operator", "ipm", "--email", "v@example.org",
            stdout=io.StringIO(),
        )  # fmt: skip

    run("vera")
    assert User.objects.get(username="vera").check_password(GOOD)
    assert "differ" in refused(lambda: run("zoya"))
    assert "--password-stdin" in refused(lambda: run("zoya"))
    with pytest.raises(CommandError) as stopped:
        run("zoya")
    assert stopped.value.returncode == 130 and not User.objects.filter(username="zoya").exists()


# demo


def test_the_demo_makes_every_role_once(settings: Any) -> None:
    settings.DEMO_PASSWORD = GOOD
    call_command("demo", stdout=io.StringIO())
    roles = {(row.user.username, row.role) for row in Membership.objects.select_related("user")}
    assert roles == {
        (f"{name}@{operator}", role)
        for operator in ("ipm", "pandev")
        for name, role in (
            ("dpo", "dpo"), ("clerk", "clerk"), ("deputy", "clerk"), ("auditor", "auditor"),
        )
    }  # fmt: skip
    for operator in Operator.objects.all():
        assert operator.responsible is not None
        assert operator.responsible.username == f"dpo@{operator.code}"
    admin = User.objects.get(is_superuser=True)
    assert admin.check_password(GOOD) and not admin.memberships.exists()
    before = counts()
    out = io.StringIO()
    call_command("demo", stdout=out)
    assert counts() == before
    assert "dpo@pandev" in out.getvalue() and GOOD in out.getvalue()


def test_the_demo_keeps_out_of_production(settings: Any) -> None:
    settings.PRODUCTION = True
    assert "production" in refused(lambda: call_command("demo", stdout=io.StringIO()))


# Which language a terminal speaks


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "kk_KZ.UTF-8"}, "kk"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_language_of_the_terminal(
    variables: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert terminal_language() == language
