"""The calendar of deadlines as a calendar program fetches it: no log-in, a token in the address."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry.services.feeds import feed_calendar, feed_open


@require_safe
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """404 for whatever the token does not open: a revoked calendar does not exist."""
    feed = feed_open(token)
    if feed is None:
        raise Http404
    return HttpResponse(
        feed_calendar(feed=feed, now=timezone.now()),
        content_type="text/calendar; charset=utf-8",
        headers={"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"},
    )
