"""Failed log-ins are counted without keeping a word of what was typed."""

from __future__ import annotations

import copy
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.http import QueryDict


class QuietHandler(AxesDatabaseHandler):
    """The database handler of axes, which never sees the form."""

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any
    ) -> None:
        if request is None:
            return super().user_login_failed(sender, credentials, request, **kwargs)
        quiet = copy.copy(request)
        quiet.GET = quiet.POST = QueryDict()
        super().user_login_failed(sender, credentials, quiet, **kwargs)
        # What the handler decided belongs to the real request.
        for name, value in vars(quiet).items():
            if name.startswith("axes_"):
                setattr(request, name, value)
        return None
