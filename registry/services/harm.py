"""The act of the assessment of harm, one per activity (152-FZ 18.1(1)(5), Order 178)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext

from registry.choices import RegisterPaperKind
from registry.explain import long_day
from registry.findings.facts import Activity, Register
from registry.findings.harm_facts import processing_of
from registry.findings.reading import by_code, categories_of, listed
from registry.harm import (
    CRITERIA,
    DEGREE_WORDS,
    Degree,
    Processing,
    criterion,
    degree_of,
    proved,
    undecided,
)
from registry.models import Operator, ProcessingActivity
from registry.paper_contents import Contents, Section
from registry.services.paper_kinds import Ask, writes
from registry.services.register_facts import register_of

ARTICLE = "152-FZ 18.1(1)(5), Order 178"


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody answered: the day, who assessed (a line each), and why a criterion holds that
    the register does not prove."""

    assessed_on: date | None
    assessed_by: tuple[str, ...]
    notes: Mapping[str, str]

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Answers:
        """From plain JSON: ``assessed_on`` an ISO day, ``assessed_by`` a list of lines,
        ``criteria`` a note for each code. Refuses what is no criterion."""
        notes = {code: str(note).strip() for code, note in given.get("criteria", {}).items()}
        for code in notes:
            criterion(code)
        day = given.get("assessed_on")
        people = (" ".join(line.split()) for line in given.get("assessed_by", ()))
        return cls(
            date.fromisoformat(day) if day else None, tuple(line for line in people if line), notes
        )


# --- reading -----------------------------------------------------------------------------------
def processing_now(activity: ProcessingActivity, *, today: date) -> Processing:
    """What the register holds of the activity on that day, as far as the order asks."""
    register, row = _read(activity, today)
    return _processing(register, row, activity.operator)


def _read(activity: ProcessingActivity, today: date) -> tuple[Register, Activity]:
    register = register_of(operator=activity.operator, today=today)
    return register, by_code(register.activities)[activity.code]


def _processing(register: Register, row: Activity, operator: Operator) -> Processing:
    outsider = operator.responsible_id is not None and not register.operator.responsible
    return processing_of(register, row, outsider=outsider)


# --- writing -----------------------------------------------------------------------------------
@writes(RegisterPaperKind.HARM, laws="RU", per_activity=True)
def harm_act(ask: Ask) -> Contents:
    """The act about one activity: who assessed when, each criterion and why, the degree; last, from
    what this office knows the criteria.

    A criterion holds when the register proves it or somebody says why it does. Missing: the
    operator's address, the day, who assessed, a reason, data of the activity, and a country
    without which a criterion is not decided.
    """
    assert ask.activity is not None  # the kind is per activity
    register, row = _read(ask.activity, ask.today)
    answers = Answers.read(ask.given)
    processing = _processing(register, row, ask.operator)
    shown, open_ = proved(processing), undecided(processing)
    held = [code for code in CRITERIA if code in shown or code in answers.notes]
    degree = degree_of(held)
    return Contents(
        title=gettext("Act of the assessment of harm"),
        article=ARTICLE,
        sections=(
            _operator(ask.operator),
            _activity(register, row),
            _assessment(answers),
            _criteria(shown, open_, answers),
            _degree(degree),
            _source(),
        ),
        missing=tuple(_missing(ask, row, answers, shown, open_)),
        particulars={
            "activity": row.code,
            "degree": str(degree),
            "criteria": held,
            "proved": list(shown),
        },
    )


def _operator(operator: Operator) -> Section:
    pairs = ((gettext("Name"), operator.name), (gettext("Address"), operator.address),
             (gettext("INN"), operator.inn))  # fmt: skip
    return Section(gettext("The operator"), pairs=pairs)


def _activity(register: Register, row: Activity) -> Section:
    purposes = by_code(register.purposes)
    people = [one for one in register.people if one.code in row.people]
    return Section(
        gettext("The activity"),
        pairs=(
            (gettext("Processing activity"), row.name),
            (gettext("Purpose"), purposes[row.purpose].name),
            (gettext("Whose data"), str(listed(people))),
            (gettext("Data"), str(listed(categories_of(register, row)))),
        ),
    )


def _assessment(answers: Answers) -> Section:
    day = long_day(answers.assessed_on) if answers.assessed_on else ""
    return Section(
        gettext("The assessment"),
        pairs=(
            (gettext("Day of the assessment"), day),
            (gettext("Assessed by"), "\n".join(answers.assessed_by)),
        ),
    )


def _criteria(
    shown: Mapping[str, tuple[str, ...]], open_: Mapping[str, tuple[str, ...]], answers: Answers
) -> Section:
    return Section(
        gettext("The criteria of the order"),
        columns=(gettext("Degree"), gettext("Criterion"), gettext("Holds"), gettext("Why")),
        rows=tuple(
            (
                gettext(DEGREE_WORDS[CRITERIA[code].degree]),
                gettext(CRITERIA[code].words),
                _holds(code, shown, open_, answers),
                " ".join(_why(code, shown, open_, answers)),
            )
            for code in CRITERIA
        ),
    )


def _holds(
    code: str,
    shown: Mapping[str, tuple[str, ...]],
    open_: Mapping[str, tuple[str, ...]],
    answers: Answers,
) -> str:
    if code in shown or code in answers.notes:
        return gettext("yes")
    return gettext("not known") if code in open_ else gettext("no")


def _why(
    code: str,
    shown: Mapping[str, tuple[str, ...]],
    open_: Mapping[str, tuple[str, ...]],
    answers: Answers,
) -> Iterator[str]:
    if code in shown:
        yield gettext("Proved by the register.")
        yield proof_in_words(code, shown[code])
    if code in answers.notes:
        yield gettext("Found by those who assessed:")
        yield answers.notes[code]
    elif code in open_:
        yield gap_in_words(code, open_[code])
    elif code not in shown:
        yield (
            gettext("Neither the register nor those who assessed found anything of the kind.")
            if CRITERIA[code].proof
            else gettext("Those who assessed found nothing of the kind.")
        )


def proof_in_words(code: str, names: tuple[str, ...]) -> str:
    """How the register proves a criterion, in the active language."""
    return gettext(CRITERIA[code].proof) % {"names": ", ".join(names)}


def gap_in_words(code: str, names: tuple[str, ...]) -> str:
    """What the register would have to know to decide a criterion, in the active language."""
    return gettext(CRITERIA[code].gap) % {"names": ", ".join(names)}


def _degree(degree: Degree) -> Section:
    if degree is Degree.NONE:
        text = gettext(
            "None of the criteria holds. The order names no degree for that case, and this act "
            "states none."
        )
    else:
        text = gettext("Of the criteria that hold the highest degree counts.")
    words = gettext(DEGREE_WORDS[degree])
    return Section(gettext("The degree of harm"), text=(text,), pairs=((gettext("Degree"), words),))


def _source() -> Section:
    text = gettext(
        "This office knows the criteria from a short form of the order: compare them with the "
        "published text before you rely on this act."
    )
    return Section(gettext("Source"), text=(text,))


def _missing(
    ask: Ask,
    row: Activity,
    answers: Answers,
    shown: Mapping[str, tuple[str, ...]],
    open_: Mapping[str, tuple[str, ...]],
) -> Iterator[str]:
    if not ask.operator.address.strip():
        yield gettext("The address of the operator is not in the register.")
    if not row.categories:
        yield gettext("The activity does not say which data it uses.")
    if answers.assessed_on is None:
        yield gettext("The day of the assessment is not given.")
    elif answers.assessed_on > ask.today:
        day = long_day(answers.assessed_on)
        yield gettext("The day of the assessment has not come yet: %(day)s.") % {"day": day}
    if not answers.assessed_by:
        yield gettext("Nobody is named who made the assessment.")
    for code, note in answers.notes.items():
        if not note and code not in shown:
            words = gettext(CRITERIA[code].words)
            yield gettext("No reason is given why this holds: %(criterion)s") % {"criterion": words}
    for code, names in open_.items():
        if code not in answers.notes:
            yield gap_in_words(code, names)
