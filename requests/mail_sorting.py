"""A read mail and what the office knows -> where the mail goes, and why. Standard library only.

Nothing is dropped: what no rule places goes to triage, where a person looks. Sorting answers
no mail; what a machine wrote opens no request, or two machines would write to each other for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from requests.mail_reading import Problem, ReadMail
from requests.mail_subjects import COMMON, MarkedSubject, folded, recognised, without_prefixes

# Above it one sender in one hour is a loop or a flood: a person decides what it is.
HOURLY_LIMIT = 20


class Place(StrEnum):
    REQUEST = "request"
    REPLY = "reply"
    TRIAGE = "triage"
    BOUNCE = "bounce"
    AUTO = "auto"


class Why(StrEnum):
    """The rule that placed a mail. Codes only: no word of the mail."""

    OURS = "ours"
    RETURNED = "returned"
    MACHINE = "machine"
    NO_SENDER = "no_sender"
    SEVERAL_SENDERS = "several_senders"
    FLOOD = "flood"
    MARKED = "marked"
    ANSWERS_LETTER = "answers_letter"
    NAMES_CASE = "names_case"
    SEVERAL_CASES = "several_cases"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Known:
    """What the office knows when a mail comes.

    ``addresses`` and ``loop_marks``: the operator's own. ``cases_of_ids``: the case of each letter
    that the operator sent, by Message-ID. ``cases_of_sender``: numbers of the requests in which
    this sender's address is known. ``mails_this_hour``: of this sender, this one not counted.
    """

    addresses: frozenset[str] = frozenset()
    loop_marks: frozenset[str] = frozenset()
    cases_of_ids: Mapping[str, str] | None = None
    cases_of_sender: frozenset[str] = frozenset()
    mails_this_hour: int = 0


@dataclass(frozen=True, slots=True)
class Sorted:
    """``kind`` for a request, ``case`` for a mail that belongs to one; both empty otherwise."""

    place: Place
    why: Why
    kind: str = ""
    case: str = ""


def sort_mail(mail: ReadMail, known: Known, marked: Iterable[MarkedSubject] = COMMON) -> Sorted:
    """Where this mail goes. A returned letter keeps the case of the letter, if it names it."""
    letters = known.cases_of_ids or {}
    cases = {letters[one] for one in mail.answers if one in letters}
    answered = cases.pop() if len(cases) == 1 else ""
    own = {address.casefold() for address in known.addresses}
    if (
        mail.sender.casefold() in own
        or mail.message_id in letters
        or known.loop_marks.intersection(mail.loop_marks)
    ):
        return Sorted(Place.AUTO, Why.OURS)
    if mail.is_bounce:
        return Sorted(Place.BOUNCE, Why.RETURNED, case=answered)
    if mail.is_auto_reply:
        return Sorted(Place.AUTO, Why.MACHINE, case=answered)
    return _of_a_person(mail, known, marked, answered, several=bool(cases))


def _of_a_person(
    mail: ReadMail, known: Known, marked: Iterable[MarkedSubject], answered: str, several: bool
) -> Sorted:
    if not mail.sender:
        return Sorted(Place.TRIAGE, Why.NO_SENDER)
    if Problem.SEVERAL_SENDERS in mail.problems:
        return Sorted(Place.TRIAGE, Why.SEVERAL_SENDERS)
    if known.mails_this_hour >= HOURLY_LIMIT:
        return Sorted(Place.TRIAGE, Why.FLOOD)
    found = recognised(mail.subject, marked)
    # People write anew by answering an old letter: a marked subject that they typed themselves is
    # a request of its own, and its clock must not drown in another case.
    typed = folded(mail.subject) == without_prefixes(mail.subject)
    if found is not None and (typed or not (answered or several)):
        return Sorted(Place.REQUEST, Why.MARKED, kind=found.kind)
    if several:
        return Sorted(Place.TRIAGE, Why.SEVERAL_CASES)
    if answered:
        return Sorted(Place.REPLY, Why.ANSWERS_LETTER, case=answered)
    # A number alone proves nothing: it stands on every letter and can be guessed.
    text = folded(mail.subject)
    named = [case for case in sorted(known.cases_of_sender) if _names(text, folded(case))]
    if len(named) == 1:
        return Sorted(Place.REPLY, Why.NAMES_CASE, case=named[0])
    return Sorted(Place.TRIAGE, Why.SEVERAL_CASES if named else Why.UNKNOWN)


def _names(text: str, number: str) -> bool:
    """Whether the number stands alone in the text; folding has made "no" of the number sign."""
    alone = rf"(?:(?<![\w-])|(?<!\w)no){re.escape(number)}(?!\w|-\w)"
    return bool(number) and re.search(alone, text) is not None
