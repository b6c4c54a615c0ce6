"""From where somebody comes, when proxies of ours stand before the office."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """The address that the outermost of our proxies saw; without proxies, the connection's.

    Each proxy adds to the end whom it saw. What stands further left the visitor may have written.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    proxies = settings.TRUSTED_PROXIES
    seen = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    return seen[-proxies] if 0 < proxies <= len(seen) and seen[-proxies] else direct
