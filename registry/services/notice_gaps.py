"""What the law wants in a notice of processing and the register does not hold, as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext

from registry.models import Operator
from registry.services.notice_words import Names
from registry.services.particulars import EVERYTHING, Reading
from registry.transfer_steps import RU


class Law:
    """How a law names the items of its notice: Russia by number, Kazakhstan by article alone."""

    def __init__(self, operator: Operator) -> None:
        self.russian = operator.jurisdiction.code == RU

    def article(self, item: str) -> str:
        """The article of the whole notice; ``item``: that of 152-FZ."""
        return f"152-FZ {item}" if self.russian else "94-V 10-1, 25-1 (326-VIII)"

    def heading(self, text: str, item: str) -> str:
        return f"{text} ({item})" if self.russian else text

    def cited(self, item: str) -> str:
        return f"152-FZ {item}" if self.russian else "94-V 10-1"


def lacking(reading: Reading, said: Mapping[str, str], law: Law, names: Names) -> Iterator[str]:
    """A sentence for each thing that the law wants and nobody has entered."""
    told = reading.particulars
    yield from lacking_of_operator(told, law)
    yield from _missing_of_purposes(reading, law, names)
    yield from _missing_measures(told, said, law)
    yield from _missing_of_responsible(told["responsible"], law)
    if not told["started_on"]:
        yield gettext("No activity says on which day it started (%(article)s).") % {
            "article": law.cited("22(3)(8)")
        }
    for code in told["purposes"]:
        if not told["ceasing"].get(code) and not told["ceasing"].get(EVERYTHING):
            yield gettext(
                "Purpose “%(purpose)s”: no retention rule says when the processing ceases "
                "(%(article)s)."
            ) % {"purpose": names.name("purposes", code), "article": law.cited("22(3)(9)")}
    yield from _missing_places(reading, law, names)
    if law.russian and not said["state_systems"]:
        yield gettext(
            "It is not said who has access to data in state information systems; write on the "
            "form that nobody has, if it is so (%(article)s)."
        ) % {"article": law.cited("22(3)(10.2)")}
    if law.russian and not told["measures"]["technical"]:
        yield gettext("No technical measure keeps the data secure (%(article)s).") % {
            "article": law.cited("22(3)(11)")
        }


def lacking_of_operator(told: Mapping[str, Any], law: Law) -> Iterator[str]:
    """What the operator's card does not say of the operator itself."""
    number = "inn" if law.russian else "bin"
    for name, sentence in (
        ("name", gettext("The name of the operator is missing (%(article)s).")),
        ("address", gettext("The address of the operator is missing (%(article)s).")),
        (number, gettext("The operator's card has no tax or business number (%(article)s).")),
    ):
        if not told["operator"][name]:
            yield sentence % {"article": law.cited("22(3)(1)")}


def _missing_of_purposes(reading: Reading, law: Law, names: Names) -> Iterator[str]:
    purposes = reading.particulars["purposes"]
    if not purposes:
        yield gettext("No purpose is left for which data are processed (%(article)s).") % {
            "article": law.cited("22(3)(2)")
        }
    sentences = {
        "data": gettext("Purpose “%(purpose)s”: the categories of data are missing (%(article)s)."),
        "people": gettext(
            "Purpose “%(purpose)s”: the categories of people are missing (%(article)s)."
        ),
        "bases": gettext("Purpose “%(purpose)s”: the legal ground is missing (%(article)s)."),
        "operations": gettext("Purpose “%(purpose)s”: the operations are missing (%(article)s)."),
        "modes": gettext("Purpose “%(purpose)s”: the way of processing is missing (%(article)s)."),
    }
    for code, one in purposes.items():
        for name, sentence in sentences.items():
            if not one[name]:
                yield sentence % {
                    "purpose": names.name("purposes", code), "article": law.cited("22(3.1)"),
                }  # fmt: skip


def _missing_measures(told: Mapping[str, Any], said: Mapping[str, str], law: Law) -> Iterator[str]:
    measures = told["measures"]
    if not measures["legal"] and not measures["organisational"]:
        yield gettext("No legal or organisational measure is entered (%(article)s).") % {
            "article": law.cited("22(3)(7)")
        }
    if law.russian and not said["encryption"]:
        yield gettext(
            "It is not said whether means of encryption are used, and which; the form asks it "
            "(%(article)s)."
        ) % {"article": law.cited("22(3)(7)")}


def _missing_of_responsible(told: Mapping[str, str], law: Law) -> Iterator[str]:
    for name, sentence in (
        ("name", gettext(
            "The responsible person is not named, has left, or has no full name (%(article)s)."
        )),
        ("phone", gettext("The phone of the responsible person is missing (%(article)s).")),
        ("email", gettext("The e-mail of the responsible person is missing (%(article)s).")),
        ("address", gettext(
            "The postal address of the responsible person is missing (%(article)s)."
        )),
    ):  # fmt: skip
        if not told[name]:
            yield sentence % {"article": law.cited("22(3)(7.1)")}


def _missing_places(reading: Reading, law: Law, names: Names) -> Iterator[str]:
    for code in reading.unknown_recipients:
        yield gettext(
            "%(recipient)s gets data, and nobody knows in which country: whether data cross the "
            "border cannot be said (%(article)s)."
        ) % {"recipient": names.name("recipients", code), "article": law.cited("22(3)(10)")}
    for code in reading.unplaced:
        yield gettext(
            "Purpose “%(purpose)s”: no information system is named, so nobody knows where the "
            "database is (%(article)s)."
        ) % {"purpose": names.name("purposes", code), "article": law.cited("22(3)(10.1)")}
    for code, one in reading.particulars["systems"].items():
        if not one["country"]:
            yield gettext("Database “%(system)s”: its country is not known (%(article)s).") % {
                "system": names.name("systems", code), "article": law.cited("22(3)(10.1)"),
            }  # fmt: skip
