"""Whether an operator is ready for an inspection: a list of questions over facts. Standard library.

The questions are constants read from ``requests/data/readiness.toml``. An answer says where to
look, never that the law is kept: that is for a person to say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

FILE = Path(__file__).resolve().parent / "data" / "readiness.toml"


class Standing(StrEnum):
    """``NOTHING``: the office holds nothing of the kind, good or bad."""

    OK = "ok"
    LOOK = "look"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``findings``: ids or their beginnings; ``late``: effects of clocks."""

    code: str
    articles: Mapping[str, str]
    unverified: frozenset[str]
    findings: tuple[str, ...]
    count: str
    late: tuple[str, ...]
    page: str
    texts: Mapping[str, str]

    def text(self, language: str) -> str:
        return self.texts.get(language) or self.texts["en"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the office holds: the operator's law, ids of open findings (one for each row that is
    found), how much of each evidence, how many clocks of each effect are overdue.
    """

    law: str
    findings: tuple[str, ...]
    counts: Mapping[str, int]
    late: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """``found``: findings; ``late``: overdue clocks; ``count``: how much evidence there is."""

    question: Question
    standing: Standing
    article: str
    verified: bool
    found: int
    late: int
    count: int


@cache
def questions() -> tuple[Question, ...]:
    """All of them, in the order of the file."""
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(
        Question(
            code=row["code"],
            articles=row["articles"],
            unverified=frozenset(row.get("unverified", ())),
            findings=tuple(row["findings"]),
            count=row["count"],
            late=tuple(row.get("late", ())),
            page=row["page"],
            texts={language: row[language] for language in ("ru", "kk", "en")},
        )
        for row in data["question"]
    )


def answers(facts: Facts) -> list[Answer]:
    """Of each question that the operator's law knows; the same facts, the same answers.

    Anything found or late is to be looked at, however much evidence there is.
    """
    return [_answer(one, facts) for one in questions() if facts.law in one.articles]


def _answer(question: Question, facts: Facts) -> Answer:
    found = sum(one.startswith(question.findings) for one in facts.findings)
    late = sum(facts.late.get(effect, 0) for effect in question.late)
    count = facts.counts[question.count]
    standing = Standing.OK if count else Standing.NOTHING
    if found or late:
        standing = Standing.LOOK
    verified = facts.law not in question.unverified
    return Answer(question, standing, question.articles[facts.law], verified, found, late, count)
