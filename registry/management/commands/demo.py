from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from registry.choices import Role
from registry.commands import OfficeCommand
from registry.models import Membership, Operator, User
from registry.services import audit
from registry.services.staff import membership_start

# Roles, not names: nobody real. The deputy is a clerk who stands in for the DPO.
STAFF = [
    ("dpo", Role.DPO),
    ("clerk", Role.CLERK),
    ("deputy", Role.CLERK),
    ("auditor", Role.AUDITOR),
]
LANGUAGES = {"pandev": {"clerk": "kk", "deputy": "kk"}, "ipm": {}}


class Command(OfficeCommand):
    help = "Make the demo's staff: roles with every operator, and the office's administrator."

    def work(self, **options: Any) -> None:
        if settings.PRODUCTION:
            raise CommandError("There is no demo in production.", returncode=2)
        made: list[str] = []
        with transaction.atomic():
            self._account("admin", made, is_superuser=True)
            for operator in Operator.objects.select_related("jurisdiction"):
                for name, role in STAFF:
                    language = LANGUAGES.get(operator.code, {}).get(name, "ru")
                    user = self._account(f"{name}@{operator.code}", made, language=language)
                    if not Membership.objects.filter(user=user, operator=operator).exists():
                        membership_start(
                            user=user,
                            operator=operator,
                            role=role,
                            started_on=timezone.localdate(timezone.now(), operator.zone),
                            by=None,
                            reason="demo",
                        )
        names = User.objects.filter(is_active=True).values_list("username", flat=True)
        self.stdout.write(f"log-ins: {', '.join(names)}")
        self.stdout.write(f"password of all that the demo made: {settings.DEMO_PASSWORD}")

    def _account(self, username: str, made: list[str], **fields: Any) -> User:
        user = User.objects.filter(username=username).first()
        if user is None:
            mailbox = username.replace("@", ".")
            user = User(username=username, email=f"{mailbox}@example.org", is_staff=True, **fields)
            user.set_password(settings.DEMO_PASSWORD)
            user.full_clean()
            audit.save(user, by=None, reason="demo")
            made.append(username)
        return user
