"""How often one visitor may come in an hour, counted in the database so that all workers agree.

The table names nobody: a counter is found by an HMAC of what is counted, by whom, and of the hour.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils.crypto import salted_hmac

from registry.errors import OperatorError, gettext_noop
from requests.models import Throttle

HOUR = timedelta(hours=1)
# An hour that is over counts for nothing; kept a little longer for clocks that differ.
KEPT_FOR = timedelta(hours=3)


class ComesTooOften(OperatorError):
    """``params``: seconds until the next hour begins."""

    status = 429
    template = gettext_noop("Too many tries from here within an hour. Wait %(seconds)s seconds.")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many times an hour, of one thing."""

    what: str
    times: int


# Whatever is sent to the form, filled in rightly or not: each is read, which costs.
POSTS = Limit("posts", 60)
SUBMISSIONS = Limit("submissions", 10)
MAILS = Limit("mails", 5)
CODE_TRIES = Limit("code tries", 30)


def window_of(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def seconds_left(now: datetime) -> int:
    """Until the next hour begins: one at least."""
    return max(1, int((window_of(now) + HOUR - now).total_seconds()))


def bucket_of(limit: Limit, who: str, now: datetime) -> str:
    """Of the hour too, so that nobody's counters of two hours can be told to be of one visitor."""
    told = f"{limit.what}\n{window_of(now).isoformat()}\n{who}"
    return salted_hmac("requests.throttle", told, algorithm="sha256").hexdigest()


def visitor_of(address: str | None) -> str:
    """Whom an address counts as: all of a network that one subscriber of IPv6 gets count as one."""
    try:
        found = ipaddress.ip_address((address or "").strip())
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), 64), strict=False).network_address)
    return str(found)


def require_room(*limits: Limit, who: str, now: datetime) -> None:
    """Refuse whoever has come as often as any of these allows. Reads only, once: a flood that is
    refused keeps nobody from writing.
    """
    allowed = {bucket_of(limit, who, now): limit.times for limit in limits}
    counts = Throttle.objects.filter(bucket__in=allowed, window=window_of(now))
    if any(count >= allowed[bucket] for bucket, count in counts.values_list("bucket", "count")):
        raise ComesTooOften(seconds=seconds_left(now))


def count(limit: Limit, *, who: str, now: datetime) -> None:
    """Count one more, in one statement, and refuse the one that is too many.

    Not in the caller's transaction: what is rolled back has been tried all the same.
    """
    quote = connection.ops.quote_name
    table = quote(Throttle._meta.db_table)
    window = connection.ops.adapt_datetimefield_value(window_of(now))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (bucket, {quote('window')}, count) VALUES (%s, %s, 1) "
            f"ON CONFLICT (bucket, {quote('window')}) DO UPDATE SET count = {table}.count + 1 "
            "RETURNING count",
            [bucket_of(limit, who, now), window],
        )
        (times,) = cursor.fetchone()
    if times > limit.times:
        raise ComesTooOften(seconds=seconds_left(now))


def counters_forget(*, now: datetime) -> int:
    """Delete the counters of hours that are over; returns how many."""
    return Throttle.objects.filter(window__lt=window_of(now) - KEPT_FOR).delete()[0]
