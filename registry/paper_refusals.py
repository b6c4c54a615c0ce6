"""What the papers of the register refuse, by name. Standard library only."""

from __future__ import annotations

from registry.errors import Conflict, OperatorError, gettext_noop


class PaperKindUnknown(OperatorError):
    template = gettext_noop("The office writes no paper of this kind: %(paper)s.")


class PaperKindOfOtherLaw(OperatorError):
    template = gettext_noop(
        "The law of %(operator)s does not know this paper (%(kind)s): choose one that it wants."
    )


class PaperLanguageUnknown(OperatorError):
    template = gettext_noop("No paper is written in %(code)s: choose ru, kk or en.")


class PaperNeedsActivity(OperatorError):
    template = gettext_noop(
        "This paper is about one processing activity (%(kind)s): say about which."
    )


class PaperTakesNoActivity(OperatorError):
    template = gettext_noop(
        "This paper is about the whole register (%(kind)s), not about one activity."
    )


class PaperActivityForeign(OperatorError):
    template = gettext_noop("This activity belongs to another operator.")


class PaperGone(Conflict):
    template = gettext_noop("This draft is gone: somebody has discarded it.")


class PaperSignedAlready(Conflict):
    template = gettext_noop("%(number)s was signed on %(day)s: it never changes.")


class PaperDiscardedWithoutReason(OperatorError):
    template = gettext_noop("Say why %(number)s is discarded: its number stays in the history.")


class PaperSignedInFuture(OperatorError):
    template = gettext_noop("%(number)s cannot be signed on %(day)s: that day has not come.")


class PaperSignedTooEarly(OperatorError):
    template = gettext_noop(
        "%(number)s cannot have been signed on %(day)s: it was written on %(written_day)s."
    )


class PaperOrderMissing(OperatorError):
    template = gettext_noop(
        "%(number)s takes effect by an order: give the number of the order (%(article)s)."
    )


class PaperIncomplete(OperatorError):
    """What the law wants in the paper and the register does not hold, all of it."""

    template = gettext_noop("%(number)s is not complete and cannot be signed. %(lacking)s")


class PaperLeftBehind(Conflict):
    template = gettext_noop("The register has changed since this draft was written: write it anew.")


class SignerAway(OperatorError):
    template = gettext_noop(
        "%(user)s is away on %(day)s: %(substitute)s stands in and signs, or choose another day."
    )


class SignerWithoutPosition(OperatorError):
    template = gettext_noop(
        "%(user)s has no position with %(operator)s: enter it at the membership, a signature "
        "names it."
    )


class PaperFieldsRefused(OperatorError):
    """What the row's own fields refuse: too long."""

    template = gettext_noop("%(number)s: %(why)s")
