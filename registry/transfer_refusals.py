"""What the gate of a transfer refuses, by name. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from registry.consent_contents import Missing
from registry.errors import Conflict, OperatorError, gettext_noop


class RecipientCountryUnknown(OperatorError):
    template = gettext_noop(
        "%(transfer)s: the country of %(recipient)s is not known, so the gate is not known either "
        "(152-FZ 12, 94-V 16). Enter it at the recipient first."
    )


class NoNoticeWanted(OperatorError):
    template = gettext_noop(
        "%(transfer)s: the law wants no notice to the authority of this transfer."
    )


class TransferBanned(Conflict):
    template = gettext_noop(
        "%(transfer)s was banned on %(day)s and does not open again (152-FZ 12(14)). What the "
        "authority may allow later is a new transfer."
    )


class TransferIsOver(Conflict):
    template = gettext_noop("%(transfer)s ended on %(day)s.")


class TransferOpenAlready(Conflict):
    template = gettext_noop("%(transfer)s has been open since %(day)s.")


class NoticeFiledAlready(Conflict):
    template = gettext_noop(
        "%(transfer)s: the notice was filed on %(day)s. What it says is fixed; a change needs a "
        "new transfer."
    )


class TransferFixed(Conflict):
    template = gettext_noop(
        "%(transfer)s: recipient, activity, data and ground are fixed by now. Nothing was saved; "
        "a change needs a new transfer."
    )


class StepInFuture(OperatorError):
    template = gettext_noop("%(transfer)s: %(day)s has not come yet.")


class DocumentMissing(OperatorError):
    template = gettext_noop("%(transfer)s: name the document: number and date.")


class InformationUnknown(OperatorError):
    template = gettext_noop("%(transfer)s: the law asks for no such information: %(fact)s.")


class RecipientInformationMissing(OperatorError):
    """What 152-FZ 12(5) wants and has not come; ``missing`` holds it item by item."""

    template = gettext_noop("%(transfer)s: not found out about the recipient yet: %(why)s")

    def __init__(self, *, missing: Iterable[Missing], **params: Any) -> None:
        self.missing = list(missing)
        super().__init__(**params)


class AssessedTooEarly(OperatorError):
    template = gettext_noop(
        "%(transfer)s: the recipient is assessed when all information is there; the last came "
        "on %(day)s (152-FZ 12(5))."
    )


class NotAssessed(OperatorError):
    template = gettext_noop(
        "%(transfer)s: assess the recipient before the notice is filed (152-FZ 12(5))."
    )


class FiledBeforeAssessment(OperatorError):
    template = gettext_noop(
        "%(transfer)s: the notice is filed after the assessment of %(day)s (152-FZ 12(5))."
    )


class NoticeNumberMissing(OperatorError):
    template = gettext_noop("%(transfer)s: give the number of the notice.")


class NoticeIncomplete(OperatorError):
    """Which particulars of 152-FZ 12(4) the register does not hold; ``missing`` lists them."""

    template = gettext_noop("%(transfer)s: the notice is not complete. %(why)s")

    def __init__(self, *, missing: Iterable[Missing], **params: Any) -> None:
        self.missing = list(missing)
        super().__init__(**params)


class NoticeNotFiled(OperatorError):
    template = gettext_noop(
        "%(transfer)s: tell the authority before the transfer begins (152-FZ 12(3))."
    )


class OpensBeforeNotice(OperatorError):
    template = gettext_noop(
        "%(transfer)s: it cannot open before its notice of %(day)s (152-FZ 12(3))."
    )


class AuthorityWaits(OperatorError):
    template = gettext_noop(
        "%(transfer)s: the authority has waited for an answer since %(day)s; until then its review "
        "stands still (152-FZ 12(6), 12(10))."
    )


class WaitingPeriodRuns(OperatorError):
    template = gettext_noop(
        "%(transfer)s: the country is not known to protect data; the transfer may open on %(day)s "
        "at the earliest (152-FZ 12(9)-(11))."
    )


class CountryChangedSinceNotice(OperatorError):
    template = gettext_noop(
        "%(transfer)s: the country of %(recipient)s was changed after the notice was filed. What "
        "the notice does not name needs a new transfer (152-FZ 12(4)(6))."
    )


class RecipientOfOpenTransfers(Conflict):
    template = gettext_noop(
        "%(recipient)s: data go to it by %(transfers)s. End these open transfers first; country "
        "and kind decided how they opened (152-FZ 12, 94-V 16)."
    )


class TransferObstructed(OperatorError):
    """Data, purpose or ground do not bear the transfer; ``missing`` says it item by item."""

    template = gettext_noop("%(transfer)s cannot go on. %(why)s")

    def __init__(self, *, missing: Iterable[Missing], **params: Any) -> None:
        self.missing = list(missing)
        super().__init__(**params)


class InstructionLacking(OperatorError):
    """A processor without an instruction that covers the transfer; ``missing`` says why."""

    template = gettext_noop("%(transfer)s: the processor has no sufficient instruction. %(why)s")

    def __init__(self, *, missing: Iterable[Missing], **params: Any) -> None:
        self.missing = list(missing)
        super().__init__(**params)


class EndsBeforeItOpened(OperatorError):
    template = gettext_noop("%(transfer)s ends on or after the day on which it opened, %(day)s.")


class BanNotOfThisLaw(OperatorError):
    template = gettext_noop(
        "%(transfer)s: only a cross-border transfer under 152-FZ is banned by the authority "
        "(12(14)). End it instead."
    )


class NotBannedYet(OperatorError):
    template = gettext_noop("%(transfer)s is not banned: there is nothing to carry out.")


class QuestionBeforeNotice(OperatorError):
    template = gettext_noop(
        "%(transfer)s: the authority cannot have asked before the notice was filed."
    )


class NoQuestionOpen(Conflict):
    template = gettext_noop("%(transfer)s: the authority waits for no answer.")


class TransferFieldsRefused(OperatorError):
    """What the row's own fields refuse: too long, not among the choices."""

    template = gettext_noop("%(transfer)s: %(why)s")
