from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django_otp.plugins.otp_totp.models import TOTPDevice

from registry.commands import OfficeCommand
from registry.errors import OperatorError, gettext_noop
from registry.models import User
from registry.services.staff import sessions_end


class UnknownUser(OperatorError):
    template = gettext_noop("The office knows no account %(username)s.")


class Command(OfficeCommand):
    help = "Forget a lost second factor: the person enrols a new device at the next log-in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def work(self, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise UnknownUser(username=options["username"])
        TOTPDevice.objects.filter(user=user).delete()
        # A session that the old device verified must not outlive it.
        sessions_end(user=user)
        self.stdout.write(f"{user.username} enrols a new device at the next log-in.")
