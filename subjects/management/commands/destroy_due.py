from __future__ import annotations

import json
from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from registry.commands import OfficeCommand
from registry.errors import OperatorError, gettext_noop
from registry.explain import long_day
from registry.models import DataCategory, Operator
from registry.services.rules import operator_by_code
from subjects.models import DestructionAct
from subjects.services.act_facts import thing
from subjects.services.planning import OPEN, Plan, Planned, Staying, plan
from subjects.services.sweeping import destruction_sweep

FAILED = 1  # the exit code; 2 is a refusal


class NotADay(OperatorError):
    template = gettext_noop("%(text)s is no date, such as 2026-03-31.")


class DateMissing(OperatorError):
    template = gettext_noop("--date is missing: the last day that counts, such as 2026-03-31.")


class DayToCome(OperatorError):
    template = gettext_noop(
        "%(day)s has not come yet: nothing is destroyed ahead. With --dry-run you can look."
    )


class Command(OfficeCommand):
    help = (
        "Destroys what is due by a date: dates, drafts, executes, verifies and closes, as the "
        "hourly sweep does. Acts that wait for an approval go on waiting. With --dry-run it "
        "changes nothing and prints what would go, by when and why, and what stays and why. "
        "Exit code: 0 done, 1 something failed (the rest was done), 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", help="the last day that counts, such as 2026-03-31")
        parser.add_argument("--operator", help="code of one operator; otherwise all")
        parser.add_argument("--dry-run", action="store_true", help="change nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def work(self, **options: Any) -> None:
        if not options["date"]:
            raise DateMissing()
        day = _day(options["date"])
        code = options["operator"]
        operator = operator_by_code(code) if code is not None else None
        if options["dry_run"]:
            self._look(day, operator, as_json=options["json"])
        else:
            self._destroy(day, operator, as_json=options["json"])

    def _destroy(self, day: date, operator: Operator | None, *, as_json: bool) -> None:
        now = timezone.now()
        rows = [operator] if operator else Operator.objects.select_related("jurisdiction")
        if all(now.astimezone(one.zone).date() < day for one in rows):
            raise DayToCome(day=day.isoformat())
        did = destruction_sweep(now=now, operator=operator, until=day)
        if as_json:
            self.stdout.write(json.dumps({"date": day.isoformat(), "did": did}))
        else:
            self.stdout.write(
                gettext(
                    "acts drafted %(drafted)s, executed %(executed)s, closed %(closed)s, waiting "
                    "for approval %(waiting)s; values destroyed %(destroyed)s, staying %(stays)s, "
                    "stopped %(stopped)s, gone before %(gone)s; failed %(failed)s"
                )
                % did
            )
        if did["failed"]:
            raise CommandError(
                ngettext("%(count)s step failed.", "%(count)s steps failed.", did["failed"])
                % {"count": did["failed"]},
                returncode=FAILED,
            )

    def _look(self, day: date, operator: Operator | None, *, as_json: bool) -> None:
        now = timezone.now()
        rows = Operator.objects.select_related("jurisdiction").order_by("code")
        told = []
        for one in rows.filter(pk=operator.pk) if operator else rows:
            today = now.astimezone(one.zone).date()
            found = plan(one, until=day, today=today)
            acts = DestructionAct.objects.filter(
                operator=one, due_on__lte=day, state__in=OPEN
            ).order_by("due_on", "pk")
            if as_json:
                told.append(_as_json(one, found, list(acts)))
            else:
                self._print(one, found, list(acts), day)
        if as_json:
            self.stdout.write(
                json.dumps({"date": day.isoformat(), "operators": told}, ensure_ascii=False)
            )

    def _print(
        self, operator: Operator, found: Plan, acts: list[DestructionAct], day: date
    ) -> None:
        names = DataCategory.objects.filter(operator=operator).in_bulk()
        self.stdout.write(
            gettext("%(operator)s: due by %(day)s and in no act: %(count)s")
            % {"operator": operator.code, "day": long_day(day), "count": len(found.going)}
        )
        for one in found.going:
            self.stdout.write("  " + _going_line(one, names))
        for left in found.staying:
            self.stdout.write("  " + _staying_line(left, names))
        for act in acts:
            self.stdout.write(
                "  "
                + gettext("act %(number)s, due on %(day)s: %(state)s")
                % {
                    "number": act.number,
                    "day": act.due_on.isoformat(),
                    "state": act.get_state_display(),
                }
            )


def _day(text: str) -> date:
    try:
        if len(text) != 10:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise NotADay(text=text) from None


def _going_line(one: Planned, names: dict[int, DataCategory]) -> str:
    rule = f"{one.rule} {one.article}".strip()
    way = gettext("by itself") if one.automatic else gettext("needs an approval")
    return gettext("%(code)s %(what)s: due on %(day)s, %(rule)s, %(way)s") % {
        "code": one.code,
        "what": thing(one.kind, names.get(one.category or 0)),
        "day": one.due_on.isoformat(),
        "rule": rule or gettext("no ground ever covered the data"),
        "way": way,
    }


def _staying_line(one: Staying, names: dict[int, DataCategory]) -> str:
    return gettext("%(code)s %(what)s stays: %(why)s") % {
        "code": one.code,
        "what": thing(one.kind, names.get(one.category or 0)),
        "why": one.why,
    }


def _as_json(operator: Operator, found: Plan, acts: list[DestructionAct]) -> dict[str, Any]:
    names = DataCategory.objects.filter(operator=operator).in_bulk()

    def category(number: int | None) -> str | None:
        return names[number].code if number in names else None

    return {
        "operator": operator.code,
        "going": [
            {
                "code": one.code,
                "kind": one.kind,
                "key": one.key,
                "category": category(one.category),
                "due_on": one.due_on.isoformat(),
                "event": one.event,
                "rule": one.rule,
                "article": one.article,
                "automatic": one.automatic,
            }
            for one in found.going
        ],
        "staying": [
            {
                "code": one.code,
                "kind": one.kind,
                "category": category(one.category),
                "why": one.why,
                "stopped": one.stopped,
                "due_on": one.due_on.isoformat() if one.due_on else None,
            }
            for one in found.staying
        ],
        "acts": [
            {"number": act.number, "state": act.state, "due_on": act.due_on.isoformat()}
            for act in acts
        ],
    }
