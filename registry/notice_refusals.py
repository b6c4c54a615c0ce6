"""What a notice to the authority about the processing refuses, by name. Standard library only."""

from __future__ import annotations

from registry.errors import Conflict, OperatorError, gettext_noop


class NothingFiledYet(OperatorError):
    template = gettext_noop(
        "%(operator)s has no notice of the start of processing that was filed and is in force: "
        "write that one (152-FZ 22(7))."
    )


class NothingChanged(OperatorError):
    template = gettext_noop(
        "Nothing has changed since notice %(number)s: there is nothing to tell the authority."
    )


class CeasingDayMissing(OperatorError):
    template = gettext_noop("Say on which day the processing ceased.")


class CeasingReasonMissing(OperatorError):
    template = gettext_noop("Say why the processing ceased.")


class CeasesInFuture(OperatorError):
    template = gettext_noop(
        "The processing cannot have ceased on %(day)s: that day has not come (152-FZ 22(7))."
    )


class NoSuchNotice(OperatorError):
    template = gettext_noop("%(number)s is no notice to the authority: nobody files it there.")


class NoticeUnsigned(OperatorError):
    template = gettext_noop("%(number)s is a draft: it is signed first, then filed.")


class NoticeFiledTwice(Conflict):
    template = gettext_noop("%(number)s was filed on %(day)s already.")


class ChangeAfterEnd(Conflict):
    template = gettext_noop(
        "%(number)s cannot be filed: the end of processing was filed on %(day)s, and nothing is "
        "left that could change. File a new notice of the start first."
    )


class FiledBeforeSigned(OperatorError):
    template = gettext_noop(
        "%(number)s cannot have been filed on %(filed_day)s: it was signed on %(day)s."
    )


class FiledInFuture(OperatorError):
    template = gettext_noop("%(number)s cannot have been filed on %(day)s: that day has not come.")


class FilingNumberMissing(OperatorError):
    template = gettext_noop("%(number)s: give the number under which it was sent.")


class FilingRefused(OperatorError):
    """What the row's own fields refuse: too long."""

    template = gettext_noop("%(number)s: %(why)s")


class EntryNotAwaited(Conflict):
    template = gettext_noop("%(number)s: no entry in the register of operators is waited for.")


class EntryBeforeFiling(OperatorError):
    template = gettext_noop(
        "%(number)s: the authority cannot have made the entry on %(entry_day)s, before the notice "
        "was filed on %(day)s."
    )


class EntryInFuture(OperatorError):
    template = gettext_noop("%(number)s: %(day)s has not come yet.")


class EntryDocumentMissing(OperatorError):
    template = gettext_noop("%(number)s: name the number of the entry in the register.")
