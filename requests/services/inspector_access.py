"""The log-in of an inspector: opened by the DPO for some rooms until a moment, ended early.

The account reads and nothing else; the middleware of the house holds it to lists and cards, and
writes down each page that it is given.
"""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext, override

from registry import seam
from registry.cells import safe
from registry.choices import Room
from registry.errors import Conflict, OperatorError, gettext_noop
from registry.models import InspectorPass, Operator, User
from registry.services import audit
from registry.services.clocks import span_of
from registry.services.staff import user_deactivate
from requests import states
from requests.models import Inspection, InspectorAccess
from requests.services.incident_rows import check_fields
from requests.services.inquiries import ReasonMissing
from requests.services.streaming import streamed
from subjects.choices import Looked
from subjects.models import AccessEvent
from subjects.services.looking import look


class InspectionOver(Conflict):
    template = gettext_noop("%(number)s is closed: nothing is opened to inspectors any more.")


class InspectorEndPassed(OperatorError):
    template = gettext_noop("%(number)s: that moment is over; name a later one.")


class InspectorEndTooLate(OperatorError):
    template = gettext_noop(
        "%(number)s: the log-in ends with the inspection, on %(day)s at the latest."
    )


class RoomsNotChosen(OperatorError):
    template = gettext_noop("%(number)s: choose at least one room to open.")


class RoomUnknown(OperatorError):
    template = gettext_noop("%(number)s: there is no room of the name %(room)s.")


class LogInTaken(Conflict):
    template = gettext_noop("Somebody else has the log-in name %(name)s: choose another one.")


class InspectorNameMissing(OperatorError):
    template = gettext_noop("%(number)s: name the inspector as the order does.")


class AccessClosedAlready(Conflict):
    template = gettext_noop("The log-in %(name)s has been closed already.")


@transaction.atomic
def inspector_open(
    *,
    inspection: Inspection,
    name: str,
    login: str,
    until: datetime,
    rooms: Iterable[str],
    by: User | None,
    now: datetime,
) -> tuple[InspectorAccess, str]:
    """Make an account that reads these rooms of the operator until that moment; its password,
    which is kept nowhere else.

    Refuses a closed inspection, a moment that is over or after the end of the inspection, no
    name, no room, and a log-in name that somebody has.
    """
    row = _held(inspection)
    if row.state == states.CLOSED:
        raise InspectionOver(number=row.number)
    name, login = name.strip(), login.strip()
    chosen = _rooms(row, rooms)
    if not name:
        raise InspectorNameMissing(number=row.number)
    if until <= now:
        raise InspectorEndPassed(number=row.number)
    if until > latest(row):
        raise InspectorEndTooLate(number=row.number, day=row.ends_on)
    if User.objects.filter(username__iexact=login).exists():
        raise LogInTaken(name=login)
    # No e-mail: the office writes nothing to an inspector.
    user = User(username=login, last_name=name, is_staff=True)
    check_fields(user, name=row.number, only=["username", "last_name"])
    password = secrets.token_urlsafe(18)
    user.set_password(password)
    reason = f"inspector, {row.number}"
    audit.save(user, by=by, reason=reason)
    visit = InspectorPass(user=user, operator=row.operator, rooms=chosen, until=until)
    audit.save(visit, by=by, reason=reason)
    made = InspectorAccess(inspection=row, visit=visit, opened_at=now, opened_by=by)
    audit.save(made, by=by, reason="opened")
    return made, password


def latest(inspection: Inspection) -> datetime:
    """Until when a log-in may be open: the end of the last day on the order."""
    return span_of(inspection.begins_on, inspection.ends_on, inspection.operator)[1]


def _rooms(row: Inspection, rooms: Iterable[str]) -> list[str]:
    asked = list(rooms)
    for room in asked:
        if room not in Room.values:
            raise RoomUnknown(number=row.number, room=str(room)[:40])
    chosen = [room.value for room in Room if room in asked]
    if not chosen:
        raise RoomsNotChosen(number=row.number)
    return chosen


def _held(inspection: Inspection) -> Inspection:
    seam.lock(Operator.objects.filter(pk=inspection.operator_id)).get()
    return (
        seam.lock(Inspection.objects.filter(pk=inspection.pk))
        .select_related("operator__jurisdiction")
        .get()
    )


@transaction.atomic
def inspector_close(
    *, access: InspectorAccess, reason: str, by: User | None, now: datetime
) -> InspectorAccess:
    """End the log-in at this moment: its sessions, its password, what its pass opens."""
    held = _held(access.inspection)
    row = (
        seam.lock(InspectorAccess.objects.filter(pk=access.pk)).select_related("visit__user").get()
    )
    row.inspection = held
    reason = reason.strip()
    if row.closed_at is not None:
        raise AccessClosedAlready(name=row.visit.user.username)
    if not reason:
        raise ReasonMissing(number=held.number)
    row.closed_at, row.closed_by, row.reason = now, by, reason
    check_fields(row, name=held.number, only=["reason"])
    audit.save(row, by=by, reason=reason, fields=["closed_at", "closed_by", "reason"])
    visit = row.visit
    if now < visit.until:
        visit.until = now
        audit.save(visit, by=by, reason=reason, fields=["until"])
    user_deactivate(user=visit.user, by=by, reason=reason)
    return row


# --- what was seen -------------------------------------------------------------------------------
def page_seen(*, user: User, operator: int, path: str, now: datetime) -> AccessEvent:
    """An inspector was given this page; the path has numbers of rows and no more."""
    return look(operator=operator, what=Looked.PAGE, user=user, now=now, path=path)


def pages_seen(inspection: Inspection) -> QuerySet[AccessEvent]:
    """Every page that its inspectors were given, the newest first."""
    users = InspectorAccess.objects.filter(inspection=inspection).values("visit__user")
    return (
        AccessEvent.objects.filter(
            operator=inspection.operator_id, what=Looked.PAGE, user__in=users
        )
        .select_related("user")
        .order_by("-at", "-pk")
    )


@transaction.atomic
def pages_seen_export(*, inspection: Inspection, language: str, by: User, now: datetime) -> bytes:
    """The same as CSV, the oldest first; leaves an access event of its own."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    zone = inspection.operator.zone
    count = 0
    with override(language):
        writer.writerow([gettext("When"), gettext("Who"), gettext("Log-in"), gettext("Page")])
        found = pages_seen(inspection).order_by("at", "pk")
        with streamed(found, at_once=1000) as rows:
            for row in rows:
                user = row.user
                told = [str(user), user.username] if user else ["", ""]
                line = [f"{row.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", *told, row.details["path"]]
                writer.writerow([safe(cell) for cell in line])
                count += 1
    look(
        operator=inspection.operator_id, what=Looked.EXPORT, user=by, now=now,
        reason=inspection.number, journal="seen", lines=count,
    )  # fmt: skip
    return stream.getvalue().encode()
