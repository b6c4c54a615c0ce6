from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from registry.commands import OfficeCommand
from registry.errors import OperatorError, gettext_noop
from registry.models import Operator
from registry.services.policies import UnknownPolicyLanguage
from registry.services.policy_generating import policy_generate, policy_languages, policy_texts
from registry.services.rules import operator_by_code


class CannotWriteThere(OperatorError):
    template = gettext_noop("Nothing can be written to the folder %(folder)s.")


class Command(OfficeCommand):
    help = (
        "Write the policy of an operator from its register: prints it, or puts one file a "
        "language into a folder, or makes it the operator's draft."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--operator", required=True, help="code of the operator")
        parser.add_argument(
            "--language", help="ru, kk or en; without it, those of the operator, else all three"
        )
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--out", type=Path, metavar="DIR", help="folder for the files")
        where.add_argument("--draft", action="store_true", help="make it the operator's draft")

    def work(self, **options: Any) -> None:
        now = timezone.now()
        operator = operator_by_code(options["operator"])
        languages = self._languages(operator, options["language"])
        if options["draft"]:
            version = policy_generate(operator=operator, languages=languages, by=None, now=now)
            self.stdout.write(f"{version}: draft in {', '.join(languages)}")
            return
        today = timezone.localdate(now, operator.zone)
        texts = policy_texts(operator=operator, languages=languages, day=today)
        if options["out"] is None:
            self.stdout.write("\n".join(texts.values()), ending="")
            return
        for path in self._write(options["out"], operator, texts):
            self.stdout.write(str(path))

    def _languages(self, operator: Operator, language: str | None) -> list[str]:
        if language is None:
            return policy_languages(operator)
        if language not in {"ru", "kk", "en"}:
            raise UnknownPolicyLanguage(code=language)
        return [language]

    def _write(self, folder: Path, operator: Operator, texts: dict[str, str]) -> list[Path]:
        written = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for language, text in texts.items():
                path = folder / f"policy-{operator.code}-{language}.txt"
                path.write_text(text, encoding="utf-8", newline="\n")
                written.append(path)
        except OSError:
            raise CannotWriteThere(folder=str(folder)) from None
        return written
