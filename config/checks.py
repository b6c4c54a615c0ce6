"""What must hold before the office starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.urls import get_resolver

import requests
from registry import declarations
from registry.models.operators import RESERVED_CODES


@register()
def every_field_is_declared(**_: Any) -> list[CheckMessage]:
    """Promise 2 begins with knowing where personal data can be."""
    return [
        Error(problem, hint="Declare it in registry/data/fields.toml.", id="office.E001")
        for problem in declarations.problems()
    ]


@register()
def the_app_is_ours(**_: Any) -> list[CheckMessage]:
    """``import requests`` must find our app, not the library of that name."""
    found = Path(str(requests.__file__)).resolve()
    if found.is_relative_to(settings.BASE_DIR) and ".venv" not in found.parts:
        return []
    return [
        Error(
            "import requests finds a library instead of the office's app",
            hint="Uninstall the library of that name from this environment.",
            id="office.E002",
        )
    ]


@register()
def no_operator_takes_our_addresses(**_: Any) -> list[CheckMessage]:
    """The public pages begin with an operator's code, so the office's own must be no such code."""
    firsts = {str(pattern.pattern).partition("/")[0] for pattern in get_resolver().url_patterns}
    firsts.add(settings.STATIC_URL.strip("/").partition("/")[0])
    ours = {first for first in firsts if first and not first.startswith(("<", "^"))}
    return [
        Error(
            f"an operator could take the address {first}/ of the office",
            hint="Add it to RESERVED_CODES in registry/models/operators.py.",
            id="office.E004",
        )
        for first in sorted(ours - RESERVED_CODES)
    ]
