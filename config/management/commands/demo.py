from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext, override

from registry.choices import Role, Supervises
from registry.commands import OfficeCommand
from registry.models import Authority, Membership, Operator, User
from registry.services import audit
from registry.services.staff import membership_start
from requests.models.inquiries import LetterChannel
from requests.models.letters import LetterKind
from requests.models.subject_requests import (
    AnswerBy,
    RequestChannel,
    RequestKind,
    SubjectRequest,
)
from requests.services.inquiries import inquiry_register
from requests.services.letters import letter_receive
from requests.services.subject_requests import Demand, request_receive
from requests.services.writing import letter_draft
from subjects.services.demo import (
    TEXTS,
    demo_people,
    demo_policy,
    demo_text,
    demo_withdrawals,
)
from subjects.services.sweeping import destruction_sweep

# Roles, not names: nobody real. The deputy is a clerk who stands in for the DPO.
STAFF = [
    ("dpo", Role.DPO),
    ("clerk", Role.CLERK),
    ("deputy", Role.CLERK),
    ("auditor", Role.AUDITOR),
]
LANGUAGES = {"pandev": {"clerk": "kk", "deputy": "kk"}, "ipm": {}}


DEMO_APPLICANT = "Синтетический Заявитель"


def _position(role: Role, language: str) -> str:
    """What the role is called there; what nobody holds a position in, nobody signs."""
    with override(language):
        return str(role.label)


def people_number(text: str) -> int:
    if not text.isdecimal() or int(text) > 1_000_000:
        raise ArgumentTypeError(f"a number of people is from 0 to 1000000, not {text}")
    return int(text)


class Command(OfficeCommand):
    help = (
        "Make the demo's staff (roles with every operator, and the administrator), synthetic "
        "people of whom a few leave, a synthetic letter of the authority and one of a person each."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--subjects",
            type=people_number,
            default=200,
            metavar="N",
            help="so many synthetic people for each operator that the demo knows (200)",
        )

    def work(self, **options: Any) -> None:
        subjects = int(options["subjects"])
        if settings.PRODUCTION:
            raise CommandError("There is no demo in production.", returncode=2)
        if not settings.DEMO_PASSWORD:
            raise CommandError("There is no demo password: manage.py makes one.", returncode=2)
        made: list[str] = []
        with transaction.atomic():
            self._account("admin", made, is_superuser=True)
            for operator in Operator.objects.select_related("jurisdiction"):
                today = timezone.localdate(timezone.now(), operator.zone)
                for name, role in STAFF:
                    language = LANGUAGES.get(operator.code, {}).get(name, "ru")
                    user = self._account(f"{name}@{operator.code}", made, language=language)
                    if not Membership.objects.filter(user=user, operator=operator).exists():
                        membership_start(
                            user=user,
                            operator=operator,
                            role=role,
                            started_on=today,
                            by=None,
                            reason="demo",
                            position=_position(role, language),
                            undertaking=f"DEMO-{name}",
                            undertaking_on=today,
                        )
            self._letters()
        for operator in Operator.objects.select_related("jurisdiction").filter(code__in=TEXTS):
            self._people(operator, subjects)
            self._policy(operator)
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

    def _people(self, operator: Operator, count: int) -> None:
        if not count:
            return
        now = timezone.now()
        dpo = User.objects.get(username=f"dpo@{operator.code}")
        with transaction.atomic():
            demo_text(operator=operator, by=dpo, now=now)
        made = demo_people(operator=operator, count=count, by=dpo, now=now)
        if made:
            self.stdout.write(f"{operator.code}: {made} synthetic people")
        demo_withdrawals(operator=operator, by=dpo, now=now)
        destruction_sweep(now=now, operator=operator)
        if not SubjectRequest.objects.filter(operator=operator).exists():
            clerk = User.objects.filter(username=f"clerk@{operator.code}").first()
            row = request_receive(
                operator=operator,
                channel=RequestChannel.PAPER,
                received_at=now - timedelta(days=2),
                language="ru",
                answer_by=AnswerBy.BY_HAND,
                items=[Demand(RequestKind.WITHDRAWAL), Demand(RequestKind.DESTRUCTION)],
                name=DEMO_APPLICANT,
                message=gettext("A synthetic letter: I take my consent back, delete my data."),
                by=clerk,
                now=now,
            )
            letter_receive(
                subject_request=row, body=gettext("A synthetic letter: when will it be done?"),
                now=now,
            )  # fmt: skip
            letter_draft(
                subject_request=row, kind=LetterKind.REPLY,
                text=gettext("A synthetic reply: your request is being worked on."), by=clerk,
                now=now,
            )  # fmt: skip

    def _policy(self, operator: Operator) -> None:
        dpo = User.objects.get(username=f"dpo@{operator.code}")
        operator.refresh_from_db()
        version = demo_policy(operator=operator, by=dpo, now=timezone.now())
        if version is not None:
            self.stdout.write(f"{operator.code}: policy at /{operator.code}/policy/")

    def _letters(self) -> None:
        """One running clock for each operator that has had no letter yet."""
        now = timezone.now()
        for operator in Operator.objects.exclude(inquiries__isnull=False):
            authority = Authority.objects.filter(
                jurisdiction=operator.jurisdiction_id, supervises=Supervises.PERSONAL_DATA
            ).first()
            if authority is not None:
                inquiry_register(
                    operator=operator,
                    authority=authority,
                    reference="demo-1",
                    received_at=now - timedelta(days=3),
                    questions=gettext("A synthetic letter: which measures protect the data?"),
                    channel=LetterChannel.POST,
                    by=User.objects.filter(username=f"clerk@{operator.code}").first(),
                    now=now,
                )
