"""Compile the translation catalogues without GNU gettext, which a fresh machine lacks."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


def compile_catalogues(folders: Iterable[Path | str]) -> list[Path]:
    """Compile each catalogue that is newer than its compiled form; return what was written."""
    written = []
    for folder in folders:
        for source in sorted(Path(folder).glob("*/LC_MESSAGES/django*.po")):
            target = source.with_suffix(".mo")
            if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
                continue
            with source.open("rb") as stream:
                # Entries that are out of use are no concern of the compiled form, and Babel
                # stumbles over their previous texts.
                lines = [line for line in stream if not line.startswith(b"#~")]
            # Read leniently, Babel would drop whatever follows a mistake.
            catalogue = read_po(lines, abort_invalid=True)
            # Babel writes the plural rule only for a language it knows, and the header of a
            # catalogue that makemessages began leaves the language empty.
            catalogue.locale = source.parts[-3]
            for message in list(catalogue):
                # Babel would fill the missing forms with English ones, chosen by a foreign rule.
                if message.pluralizable and not all(message.string or ()):
                    catalogue.delete(message.id, message.context)
            # Written aside and moved into place: a process that starts at the same time reads
            # the old catalogue or the new one, never half of it.
            draft = target.with_suffix(f".{os.getpid()}.tmp")
            with draft.open("wb") as stream:
                write_mo(stream, catalogue)
            draft.replace(target)
            written.append(target)
    return written


class Command(BaseCommand):
    help = "Compiles every translation catalogue that has changed since it was last compiled."
    # A catalogue is needed before the checks can speak the reader's language.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            written = compile_catalogues(settings.LOCALE_PATHS)
        except PoFileError as error:
            raise CommandError(f"A catalogue is not well-formed: {error}.") from None
        if options["verbosity"] > 0:
            for path in written:
                self.stdout.write(f"Compiled {path}")
