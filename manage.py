#!/usr/bin/env python
"""The office's command line. Run by hand on a developer's machine it makes its own secrets."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from config.secrets import ensure_development_secrets


def main() -> None:
    # Only this entry point may fall back to development: web, worker and beat started
    # without OFFICE_MODE are production and refuse to start without real secrets.
    if os.environ.setdefault("OFFICE_MODE", "development") == "development":
        ensure_development_secrets()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        # Read now: some commands would meet a refusal of the settings half-way, with a traceback.
        settings.INSTALLED_APPS  # noqa: B018
    except ImproperlyConfigured as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
