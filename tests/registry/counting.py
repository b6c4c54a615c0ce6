"""Rules and two ways of asking, shared by the tests of the engine."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from registry.deadlines import (
    Direction,
    Facts,
    Outcome,
    Rule,
    compute,
    english,
)
from registry.terms import Unit
from tests.registry.calendars import KZ, RU

MOSCOW = ZoneInfo("Europe/Moscow")
ALMATY = ZoneInfo("Asia/Almaty")
LAW = Path(__file__).resolve().parents[3] / "shared" / "law" / "deadline_rules.csv"

INQUIRY = Rule(
    "RU.REG.INQUIRY",
    Direction.DUE,
    Unit.WORKING_DAY,
    10,
    5,
    Unit.WORKING_DAY,
    effective_from=date(2022, 9, 1),
    article="20(4)",
)
IPM = Rule("PROMISE.IPM.3_2", Direction.DUE, Unit.CALENDAR_DAY, 10, article="IPM policy 3.2")
WITHDRAWAL = Rule("RU.CONSENT.WITHDRAW", Direction.DUE, Unit.CALENDAR_DAY, 30)
NOTICE_24 = Rule("RU.INCIDENT.NOTICE1", Direction.DUE, Unit.HOUR, 24)
NOTICE_72 = Rule("RU.INCIDENT.NOTICE2", Direction.DUE, Unit.HOUR, 72)
KZ_INCIDENT = Rule("KZ.INCIDENT.NOTICE", Direction.DUE, Unit.WORKING_DAY, 1, from_moment=True)
KZ_INQUIRY = Rule("KZ.REG.INQUIRY", Direction.DUE, Unit.AS_STATED_IN_INQUIRY, None)
BLOCK = Rule("RU.VERIFY.BLOCK", Direction.DUE, Unit.IMMEDIATE, 0)
REPEAT = Rule("RU.SUBJ.REPEAT", Direction.NOT_BEFORE, Unit.CALENDAR_DAY, 30)
EVIDENCE = Rule("RU.EVIDENCE.DESTRUCTION", Direction.KEEP_UNTIL, Unit.YEAR, 3)
REGISTERED = Rule("RU.NOTIFY.REGISTER", Direction.WATCH, Unit.CALENDAR_DAY, 30)
START = Rule("RU.NOTIFY.START", Direction.DUE, Unit.BEFORE_EVENT, 0)
TERM = Rule("KZ.CONSENT.TERM", Direction.WATCH, Unit.EVENT, None)


def ru(statute, trigger, promise=None, **facts) -> Outcome:
    return compute(
        statute=statute, promise=promise, facts=Facts(MOSCOW, trigger, **facts), calendar=RU
    )


def kz(statute, trigger, promise=None, **facts) -> Outcome:
    return compute(
        statute=statute, promise=promise, facts=Facts(ALMATY, trigger, **facts), calendar=KZ
    )


def codes(outcome: Outcome) -> list[str]:
    return [step.code for step in outcome.steps]


def text(outcome: Outcome) -> str:
    return "\n".join(english(step) for step in outcome.steps)


# The worked examples of the law table
