"""The doors of the office: health, refusals, languages, the log-in and its second factor."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path, reverse
from django.utils import timezone
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from config import health
from registry import seam
from registry.choices import NoticeState, RunState
from registry.models import DeadlineRule, JobRun, Notice, Purpose, User
from registry.services import audit
from tests.conftest import PASSWORD, Office
from tests.crawl.pages import faults
from tests.crawl.rows import make

LOG_IN = "/admin/login/"


# --- health ------------------------------------------------------------------------------------
def run_jobs(age: timedelta = timedelta()) -> None:
    for job in health.JOBS:
        JobRun.objects.create(job=job, started_at=timezone.now() - age, state=RunState.DONE)


def readiness(client: Client) -> tuple[int, dict[str, str]]:
    response = client.get("/readyz")
    found = response.json()
    assert found["ready"] == (response.status_code == 200)
    wrong = {name: state for name, state in found["checks"].items() if state != "ok"}
    return response.status_code, wrong


def test_alive_without_asking_the_database(client: Client) -> None:
    """No database mark on this test: a query would fail it."""
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")
    assert client.post("/healthz").status_code == 405


def test_ready_when_everything_is(office: Office, client: Client) -> None:
    run_jobs()
    assert readiness(client) == (200, {})
    assert client.post("/readyz").status_code == 405


def test_a_job_that_never_ran_is_named(office: Office, client: Client) -> None:
    status, wrong = readiness(client)
    assert status == 503
    assert set(wrong) == set(health.JOBS)


def test_a_stale_or_failed_job_is_named(office: Office, client: Client) -> None:
    run_jobs(age=health.STALE_AFTER - timedelta(minutes=1))
    assert readiness(client) == (200, {})
    JobRun.objects.all().delete()
    run_jobs(age=health.STALE_AFTER + timedelta(minutes=1))
    # A run that failed is no run.
    JobRun.objects.create(job="remind", started_at=timezone.now(), state=RunState.FAILED)
    status, wrong = readiness(client)
    assert status == 503
    assert set(wrong) == set(health.JOBS)


def test_a_missing_trigger_is_named(office: Office, client: Client) -> None:
    run_jobs()
    table = Purpose.history.model._meta.db_table
    seam.lift_append_only([table])
    status, wrong = readiness(client)
    assert status == 503
    assert list(wrong) == ["history"] and table in wrong["history"]


def test_a_published_text_that_could_be_changed_is_named(office: Office, client: Client) -> None:
    run_jobs()
    frozen = seam.frozen_tables()[0]
    seam.lift_freeze([frozen])
    status, wrong = readiness(client)
    assert status == 503
    assert list(wrong) == ["published"] and frozen.table in wrong["published"]


def test_a_missing_law_is_named(office: Office, client: Client) -> None:
    run_jobs()
    DeadlineRule.objects.all().delete()
    status, wrong = readiness(client)
    assert status == 503
    assert list(wrong) == ["law"]


def test_a_failed_notice_is_counted(office: Office, client: Client) -> None:
    run_jobs()
    Notice.objects.filter(pk=make(Notice, office.pandev).pk).update(state=NoticeState.FAILED)
    status, wrong = readiness(client)
    assert status == 503
    assert list(wrong) == ["outbox"] and "1" in wrong["outbox"]


def test_a_database_that_is_away_is_named(office: Office, client: Client, monkeypatch: Any) -> None:
    def away() -> Any:
        raise DatabaseError("host=db password=secret")

    monkeypatch.setattr(health, "_checks", away)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert b"secret" not in response.content


# --- pages that say what went wrong --------------------------------------------------------------
def _raises(error: Exception) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    return view


urlpatterns = [
    path("bad/", _raises(SuspiciousOperation("value 900101300017"))),
    path("forbidden/", _raises(PermissionDenied("value 900101300017"))),
    path("broken/", _raises(RuntimeError("value 900101300017"))),
    path("", include("config.urls")),
]
handler400 = "config.views.bad_request"
handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler500 = "config.views.server_error"


@pytest.mark.urls("tests.test_pages")
@pytest.mark.parametrize(
    ("page", "status"), [("bad", 400), ("forbidden", 403), ("missing", 404), ("broken", 500)]
)
@pytest.mark.parametrize("logged_in", [True, False])
def test_a_page_that_says_what_went_wrong(
    page: str, status: int, logged_in: bool, office: Office, as_user: Any
) -> None:
    client = as_user(office.pandev.clerk) if logged_in else Client()
    client.raise_request_exception = False
    response = client.get(f"/{page}/")
    assert response.status_code == status
    text = response.content.decode()
    assert not faults(response, logged_in=logged_in)
    assert "900101300017" not in text
    assert len(re.findall(r"<h1>[^<]{5,60}</h1>", text)) == 1
    sentences = re.findall(r"<p>([^<]+)</p>", text)
    assert len(sentences) == 1 and sentences[0].endswith(".")


def test_a_form_without_its_token_is_refused_in_a_sentence(office: Office) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(LOG_IN, {"username": "dpo@ipm", "password": PASSWORD})
    assert response.status_code == 403
    assert not faults(response, logged_in=False)
    assert response.content.decode().count("<p>") == 2  # the sentence and the way back


# --- languages ---------------------------------------------------------------------------------
HTML_LANGUAGE = re.compile(r'<html lang="(\w+)"')


def language_of(response: Any) -> str:
    return HTML_LANGUAGE.findall(response.content.decode())[0]


def test_the_log_in_page_offers_three_languages(office: Office, client: Client) -> None:
    page = client.get(LOG_IN)
    offered = re.findall(r'name="language" value="(\w+)"', page.content.decode())
    assert set(offered) == {"ru", "kk", "en"}
    for code in offered:
        response = client.post(reverse("set_language"), {"language": code, "next": LOG_IN})
        assert (response.status_code, response.headers["Location"]) == (302, LOG_IN)
        assert language_of(client.get(LOG_IN)) == code


def test_the_language_switch_leads_to_no_other_site(office: Office, client: Client) -> None:
    for name in ("set_language", "my_language"):
        client.force_login(office.nobody, backend="registry.access.RoleBackend")
        for target in ("https://example.org/", "//example.org/", "javascript:alert(1)"):
            response = client.post(reverse(name), {"language": "en", "next": target})
            assert "example" not in response.headers["Location"]
            assert not response.headers["Location"].startswith("javascript")


def test_everybody_reads_in_the_language_of_their_own_card(office: Office, as_user: Any) -> None:
    user = office.pandev.clerk
    client = as_user(user)
    for code in ("ru", "kk", "en"):
        user.language = code
        audit.save(user, by=user, reason="chose", fields=["language"])
        # Whatever the browser or the log-in page preferred.
        client.cookies["django_language"] = "ru"
        page = client.get("/admin/", headers={"accept-language": "ru"})
        assert language_of(page) == code


def test_a_person_chooses_the_language_with_a_trace(office: Office, as_user: Any) -> None:
    user = office.pandev.clerk
    client = as_user(user)
    address = reverse("my_language")
    assert client.post(address, {"language": "kk", "next": "/admin/"}).status_code == 302
    assert language_of(client.get("/admin/")) == "kk"
    assert user.history.first().history_change_reason == "chose the language"
    client.post(address, {"language": "xx"})
    assert User.objects.get(pk=user.pk).language == "kk"


# --- log-in ------------------------------------------------------------------------------------
def log_in(
    client: Client, username: str, password: str = PASSWORD, address: str = "10.0.0.1"
) -> Any:
    data = {"username": username, "password": password, "next": "/admin/"}
    return client.post(LOG_IN, data, REMOTE_ADDR=address, headers={"user-agent": "test"})


def test_ten_wrong_passwords_shut_the_door_for_a_while(office: Office) -> None:
    client, secret = Client(), "wrong-horse-secret"
    for _try in range(9):
        response = log_in(client, "clerk@ipm", secret)
        assert response.status_code == 200
    assert log_in(client, "clerk@ipm", secret).status_code == 429
    # Now the right password does not help either, and the page says what to do.
    shut = log_in(client, "clerk@ipm")
    assert shut.status_code == 429
    assert not faults(shut, logged_in=False)
    assert re.search(r"<p>[^<]+\.</p>", shut.content.decode())
    # Others, and the same person from elsewhere, are not locked out with them.
    assert log_in(Client(), "dpo@ipm").status_code == 302
    assert log_in(Client(), "clerk@ipm", address="10.0.0.2").status_code == 302


def test_behind_a_proxy_the_door_is_shut_for_one_address_alone(
    office: Office, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = 1
    data = {"username": "clerk@ipm", "password": "wrong-horse", "next": "/admin/"}

    def log_in_from(visitor: str, **changed: str) -> int:
        # What stands left of the proxy's own entry the visitor has written.
        seen = {"user-agent": "test", "x-forwarded-for": f"10.9.9.9, {visitor}"}
        answer = Client().post(LOG_IN, data | changed, REMOTE_ADDR="127.0.0.1", headers=seen)
        return int(answer.status_code)

    for _try in range(10):
        shut = log_in_from("10.0.0.1")
    assert shut == 429 and log_in_from("10.0.0.1", password=PASSWORD) == 429
    assert AccessAttempt.objects.get().ip_address == "10.0.0.1"
    assert log_in_from("10.0.0.2", password=PASSWORD) == 302


def test_nothing_that_was_typed_is_kept(office: Office) -> None:
    secret = "wrong-horse-secret"
    client = Client()
    client.post(
        f"{LOG_IN}?next=/admin/&typed={secret}",
        {"username": "clerk@ipm", "password": secret, "code": secret},
    )
    attempt = AccessAttempt.objects.get()
    assert (attempt.get_data.strip(), attempt.post_data.strip()) == ("", "")
    assert not AccessLog.objects.exists()
    for model in (AccessAttempt, AccessLog, AccessFailureLog):
        assert secret not in str(list(model.objects.values()))


def test_a_good_log_in_forgets_the_bad_ones(office: Office) -> None:
    client = Client()
    for _try in range(5):
        log_in(client, "clerk@ipm", "wrong")
    assert log_in(client, "clerk@ipm").status_code == 302
    assert not AccessAttempt.objects.exists()


def test_logging_in_writes_no_history_and_out_ends_the_session(office: Office) -> None:
    client = Client()
    versions = office.pandev.dpo.history.count()
    assert log_in(client, "dpo@pandev").status_code == 302
    assert office.pandev.dpo.history.count() == versions
    assert client.get("/admin/").status_code == 200
    client.post(reverse("admin:logout"))
    assert client.get("/admin/").status_code == 302


# --- the second factor ---------------------------------------------------------------------------
def code_of(device: TOTPDevice, offset: int = 0) -> str:
    totp = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    totp.time = timezone.now().timestamp() + offset * device.step
    return f"{totp.token():06d}"


def wrong_code(device: TOTPDevice) -> str:
    good = {code_of(device, offset) for offset in range(-3, 4)}
    return next(f"{n:06d}" for n in range(100) if f"{n:06d}" not in good)


TWO_FACTOR = "/admin/two-factor/"
PICTURE = "/admin/two-factor/picture.svg"


@override_settings(REQUIRE_TWO_FACTOR=True)
def test_the_first_log_in_enrols_a_device_and_the_second_asks_for_its_code(office: Office) -> None:
    client = Client()
    assert log_in(client, "dpo@ipm").status_code == 302
    for address in ("/admin/", "/admin/registry/purpose/", "/admin/password_change/", "/"):
        response = client.get(address)
        assert (response.status_code, response.headers["Location"]) == (302, TWO_FACTOR)
    page = client.get(TWO_FACTOR)
    assert page.status_code == 200 and not faults(page)
    assert PICTURE in page.content.decode()
    picture = client.get(PICTURE)
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/svg+xml")
    assert not faults(picture)
    device = TOTPDevice.objects.get(user=office.ipm.dpo)
    assert not device.confirmed

    # A wrong code, and no code at all, are refused in a sentence.
    for wrong in (wrong_code(device), "12ab", ""):
        refused = client.post(TWO_FACTOR, {"code": wrong})
        assert refused.status_code == 200
        assert re.search(r'<ul class="errorlist[^>]*>\s*<li>[^<]+\.</li>', refused.content.decode())
        assert client.get("/admin/").status_code == 302
    _forget_throttling(device)
    assert client.post(TWO_FACTOR, {"code": code_of(device)}).headers["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.get(PICTURE).status_code == 404
    assert TOTPDevice.objects.get(user=office.ipm.dpo).confirmed

    # The second log-in shows no secret and asks for the code.
    again = Client()
    assert log_in(again, "dpo@ipm").status_code == 302
    assert again.get("/admin/").headers["Location"] == TWO_FACTOR
    asked = again.get(TWO_FACTOR)
    assert PICTURE not in asked.content.decode()
    assert again.get(PICTURE).status_code == 404
    used = code_of(device)
    assert again.post(TWO_FACTOR, {"code": used}).status_code == 200, "a code works once"
    _forget_throttling(device)
    assert again.post(TWO_FACTOR, {"code": code_of(device, 1)}).status_code == 302
    assert again.get("/admin/").status_code == 200
    assert TOTPDevice.objects.filter(user=office.ipm.dpo).count() == 1


def _forget_throttling(device: TOTPDevice) -> None:
    fresh = TOTPDevice.objects.get(pk=device.pk)
    fresh.throttle_reset()


@override_settings(REQUIRE_TWO_FACTOR=True)
def test_guessing_codes_is_slowed_down(office: Office, as_user: Any) -> None:
    client = as_user(office.ipm.dpo)
    device = TOTPDevice.objects.create(user=office.ipm.dpo, confirmed=True)
    client.post(TWO_FACTOR, {"code": wrong_code(device)})
    # At once afterwards not even the right one is tried.
    assert client.post(TWO_FACTOR, {"code": code_of(device)}).status_code == 200
    assert client.get("/admin/").status_code == 302


@override_settings(REQUIRE_TWO_FACTOR=True)
def test_without_the_code_one_can_leave_choose_a_language_and_nothing_else(
    office: Office, as_user: Any
) -> None:
    client = as_user(office.ipm.dpo)
    purpose = make(Purpose, office.ipm)
    client.get(TWO_FACTOR)
    for address in (f"/admin/registry/purpose/{purpose.pk}/change/", "/admin/autocomplete/"):
        for method in (client.get, client.post):
            assert method(address).headers["Location"] == TWO_FACTOR
    client.post(reverse("my_language"), {"language": "kk", "next": TWO_FACTOR})
    assert language_of(client.get(TWO_FACTOR)) == "kk"
    assert client.get("/healthz").status_code == 200
    client.post(reverse("admin:logout"))
    assert client.get(TWO_FACTOR).headers["Location"].startswith(LOG_IN)


@override_settings(REQUIRE_TWO_FACTOR=True)
def test_a_stranger_enrols_nothing(office: Office, client: Client) -> None:
    for address in (TWO_FACTOR, PICTURE):
        assert client.get(address).headers["Location"].startswith(LOG_IN)
    assert not TOTPDevice.objects.exists()


def test_the_demo_without_a_second_factor_says_so(office: Office, as_user: Any) -> None:
    client = as_user(office.ipm.dpo)
    assert b"office-banner" in client.get("/admin/").content
    with override_settings(REQUIRE_TWO_FACTOR=True):
        assert b"office-banner" not in client.get(TWO_FACTOR).content
