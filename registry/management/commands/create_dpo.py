from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email
from django.db import transaction
from django.utils import timezone

from registry.choices import Language, Role
from registry.commands import NotText, OfficeCommand
from registry.models import Membership, User
from registry.services import audit
from registry.services.rules import operator_by_code
from registry.services.staff import membership_start


def _fitting(name: str, what: str, options: dict[str, Any]) -> str:
    """The option of that name, without spaces around it; refuses what its field cannot hold."""
    text = str(options[name]).strip()
    field: Any = Membership._meta.get_field(name)
    limit = field.max_length
    if len(text) > limit:
        raise CommandError(f"{what} has at most {limit} characters.", returncode=2)
    return text


class Command(OfficeCommand):
    help = (
        "Create the account of a data protection officer. Asks for the password; with "
        "--password-stdin reads it from standard input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--operator", required=True, help="code of the operator")
        parser.add_argument("--email", required=True, help="where reminders go")
        parser.add_argument("--language", choices=Language.values, default=Language.RU.value)
        parser.add_argument(
            "--undertaking",
            default="",
            help="number of the signed promise not to disclose personal data, signed today; "
            "without it the pages of people stay closed",
        )
        parser.add_argument(
            "--position", default="", help="as signed papers print it; without it nothing is signed"
        )
        parser.add_argument("--administrator", action="store_true", help="also runs the office")
        parser.add_argument("--password-stdin", action="store_true")

    def work(self, **options: Any) -> None:
        operator = operator_by_code(options["operator"])
        if User.objects.filter(username=options["username"]).exists():
            raise CommandError(f"{options['username']} exists already.", returncode=2)
        user = User(
            username=options["username"],
            email=options["email"],
            language=options["language"],
            is_staff=True,
            is_superuser=options["administrator"],
        )
        undertaking = _fitting("undertaking", "The number of an undertaking", options)
        position = _fitting("position", "A position", options)
        password = self._password(options["password_stdin"])
        try:
            validate_email(user.email)
            validate_password(password, user)
            user.set_password(password)
            user.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from None
        now = timezone.now()
        today = timezone.localdate(now, operator.zone)
        with transaction.atomic():
            audit.save(user, by=None, reason="create_dpo")
            membership_start(
                user=user,
                operator=operator,
                role=Role.DPO,
                started_on=today,
                position=position,
                undertaking=undertaking,
                undertaking_on=today if undertaking else None,
                by=None,
                reason="create_dpo",
            )
        self.stdout.write(f"{user.username} is DPO of {operator.code}.")

    def _password(self, from_stdin: bool) -> str:
        try:
            if from_stdin:
                return sys.stdin.readline().rstrip("\r\n")
            first = getpass.getpass("Password: ")
            second = getpass.getpass("Once more: ")
        except EOFError:
            raise CommandError(
                "Nobody answers: give the password with --password-stdin.", returncode=2
            ) from None
        except UnicodeDecodeError:
            raise NotText() from None
        if first != second:
            raise CommandError("The two passwords differ.", returncode=2)
        return first
