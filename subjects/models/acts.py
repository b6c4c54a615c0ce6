"""Acts of destruction: what was to go, who approved it, what became of it, the papers."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.models import DataCategory, Operator, User
from registry.models.base import OPERATOR_HELP, OperatorRow, history
from registry.roles import VIEW, Access
from subjects.choices import ActState, Outcome, PaperKind
from subjects.models.files import SealedFile
from subjects.models.people import DataSubject, PersonalDatum
from subjects.vault.models import NOBODY

ACTS = Access(
    scope="operator",
    dpo=VIEW | {"approve", "cancel", "confirm", "scan", "ask", "postpone"},
    clerk=VIEW | {"confirm", "scan"},
    auditor=VIEW | {"ask"},
    administrator=frozenset(),
    sworn=True,
    room="people",
)
PAPERS = Access(
    scope="act__operator",
    dpo=VIEW,
    clerk=VIEW,
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
)


class DestructionAct(OperatorRow):
    """One destruction from its draft to its papers (152-FZ 21, Order 179; 94-V 18, 25(2)(4))."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="acts",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    number = models.CharField(_("number"), max_length=40)
    label = models.CharField(
        _("request"),
        max_length=60,
        blank=True,
        help_text=_("The number of the request that asks for it; empty: a rule does."),
    )
    due_on = models.DateField(_("due on"), help_text=_("The last day of the law or the policy."))
    automatic = models.BooleanField(
        _("automatic"),
        default=False,
        help_text=_("The retention rule lets it run without an approval."),
    )
    state = models.CharField(_("state"), max_length=20, choices=ActState, default=ActState.DRAFTED)
    drafted_at = models.DateTimeField(_("drafted at"))
    drafted_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="drafted_acts",
        verbose_name=_("drafted by"),
        help_text=_("Empty: the office itself, by a rule."),
    )
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    approved_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="approved_acts",
        verbose_name=_("approved by"),
    )
    waiver = models.CharField(
        _("waiver"),
        max_length=300,
        blank=True,
        help_text=_("Why nobody else approves: the operator has nobody else."),
    )
    started_at = models.DateTimeField(_("execution began at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("execution ended at"), null=True, blank=True)
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)
    # What was looked at and how often; never a value.
    verification = models.JSONField(_("verification"), default=dict, blank=True)
    kek = models.PositiveSmallIntegerField(_("KEK"), null=True, blank=True)
    mute_on = models.DateField(
        _("copies are mute from"),
        null=True,
        blank=True,
        help_text=_("The day on which the key that protected the values retires."),
    )
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    # Destruction was not possible in time: blocked, and a second term (152-FZ 21(6)).
    postponed_at = models.DateTimeField(_("not possible in time, said at"), null=True, blank=True)
    postponed_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="postponed_acts",
        verbose_name=_("not possible in time, said by"),
    )
    postponed_reason = models.CharField(_("why not possible in time"), max_length=300, blank=True)
    postponed_until = models.DateField(
        _("last day of the second term"),
        null=True,
        blank=True,
        help_text=_("Six months, in Russia only (152-FZ 21(6)); the data are blocked until then."),
    )
    cancelled_reason = models.CharField(_("why cancelled"), max_length=300, blank=True)
    history = history()
    numbered = "ACT"
    access = ACTS

    class Meta:
        verbose_name = _("act of destruction")
        verbose_name_plural = _("acts of destruction")
        ordering = ["-drafted_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "number"], name="act_number_once"),
            models.CheckConstraint(
                name="act_approved_by_another",
                condition=models.Q(approved_by=None)
                | models.Q(drafted_by=None)
                | ~models.Q(approved_by=models.F("drafted_by"))
                | ~models.Q(waiver=""),
            ),
            models.CheckConstraint(
                name="act_executed_only_when_approved",
                condition=models.Q(started_at=None)
                | models.Q(automatic=True)
                | models.Q(approved_at__isnull=False, approved_by__isnull=False),
            ),
            models.CheckConstraint(
                name="act_closed_is_verified",
                condition=~models.Q(state=ActState.CLOSED)
                | models.Q(
                    finished_at__isnull=False, verified_at__isnull=False, closed_at__isnull=False
                ),
            ),
            models.CheckConstraint(
                name="act_postponed_says_why_and_until_when",
                condition=models.Q(postponed_at=None)
                | (
                    models.Q(postponed_by__isnull=False, postponed_until__isnull=False)
                    & ~models.Q(postponed_reason="")
                ),
            ),
            models.CheckConstraint(
                name="act_cancelled_has_a_reason",
                condition=~models.Q(state=ActState.CANCELLED) | ~models.Q(cancelled_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class ActItem(models.Model):
    """One thing that an act is to destroy: a key of the vault, or a datum held elsewhere.

    ``outcome`` stays empty while its destruction item says it all; one row a key, without history:
    what changes in it is said once, when it happens.
    """

    act = models.ForeignKey(
        DestructionAct, models.PROTECT, related_name="items", verbose_name=_("act")
    )
    subject = models.ForeignKey(
        DataSubject, models.PROTECT, related_name="act_items", verbose_name=_("person")
    )
    key = models.BigIntegerField(_("key"), null=True)
    datum = models.ForeignKey(
        PersonalDatum,
        models.PROTECT,
        null=True,
        related_name="act_items",
        verbose_name=_("personal datum"),
    )
    category = models.ForeignKey(
        DataCategory,
        models.PROTECT,
        null=True,
        related_name="act_items",
        verbose_name=_("data category"),
    )
    due_on = models.DateField(_("due on"))
    event = models.CharField(_("event"), max_length=40, blank=True)
    rule = models.CharField(_("rule"), max_length=60, blank=True)
    article = models.CharField(_("article"), max_length=200, blank=True)
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome, blank=True)
    why = models.CharField(_("why"), max_length=300, blank=True)
    # Of a datum held elsewhere: who made sure that it is gone there, and by what.
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True)
    confirmed_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        related_name="confirmed_act_items",
        verbose_name=_("confirmed by"),
    )
    access = Access(
        scope="act__operator",
        dpo=VIEW,
        clerk=VIEW,
        auditor=VIEW,
        administrator=frozenset(),
        sworn=True,
        room="people",
    )

    class Meta:
        verbose_name = _("thing to be destroyed")
        verbose_name_plural = _("things to be destroyed")
        ordering = ["act", "id"]
        constraints = [
            models.UniqueConstraint(fields=["act", "key"], name="act_item_key_once"),
            models.CheckConstraint(
                name="act_item_is_something",
                condition=models.Q(key__isnull=False) | models.Q(datum__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act}: {self.pk}"


class ActPaper(models.Model):
    """The act or the extract of its log as it was closed (Order 179, 8).

    Holds codes of cards and categories, no value, and is sealed all the same: its file ends on its
    own day, in every copy. This row stays, with the digest of what it was.
    """

    act = models.ForeignKey(
        DestructionAct, models.PROTECT, related_name="papers", verbose_name=_("act")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=PaperKind)
    language = models.CharField(_("language"), max_length=5, blank=True)
    file = models.OneToOneField(
        SealedFile, models.PROTECT, related_name="act_paper", verbose_name=_("file")
    )
    digest = models.CharField(_("digest (SHA-256)"), max_length=64)
    made_at = models.DateTimeField(_("made at"))
    keep_until = models.DateField(_("kept until"))
    access = PAPERS
    append_only = True

    class Meta:
        verbose_name = _("paper of an act")
        verbose_name_plural = _("papers of acts")
        ordering = ["act", "kind", "language"]
        constraints = [
            models.UniqueConstraint(fields=["act", "kind", "language"], name="act_paper_once")
        ]

    def __str__(self) -> str:
        return f"{self.act}: {self.get_kind_display()}"


class ActScan(models.Model):
    """A scan of a paper of the act as it was signed; sealed, and over with the papers.

    The name that its file came with is not kept.
    """

    act = models.ForeignKey(
        DestructionAct, models.PROTECT, related_name="scans", verbose_name=_("act")
    )
    file = models.OneToOneField(
        SealedFile, models.PROTECT, related_name="act_scan", verbose_name=_("file")
    )
    digest = models.CharField(_("digest (SHA-256)"), max_length=64)
    keep_until = models.DateField(_("kept until"))
    added_at = models.DateTimeField(_("added at"))
    added_by = models.ForeignKey(
        User, models.PROTECT, related_name="act_scans", verbose_name=_("added by")
    )
    access = PAPERS
    append_only = True

    class Meta:
        verbose_name = _("scan of a signed act")
        verbose_name_plural = _("scans of signed acts")
        ordering = ["act", "id"]
        constraints = [
            models.CheckConstraint(name="act_scan_has_a_digest", condition=~models.Q(digest=""))
        ]

    def __str__(self) -> str:
        return f"{self.act}: {self.pk}"


class Evidence(models.Model):
    """By what somebody destroyed can still be told: an HMAC over a search token of theirs.

    Without the evidence key of its year and the search key it says nothing; both are destroyed
    when its three years end. No history: it is written once and deleted once.
    """

    operator = models.ForeignKey(
        Operator, models.PROTECT, related_name="evidence", verbose_name=_("operator")
    )
    mark = models.BinaryField(_("mark"), max_length=16)
    year = models.PositiveSmallIntegerField(_("evidence key"))
    search = models.PositiveSmallIntegerField(_("search key"))
    # The destruction item that says when, why and by whom.
    key = models.BigIntegerField(_("key"))
    keep_until = models.DateField(_("kept until"))
    access = NOBODY

    class Meta:
        verbose_name = _("evidence of a destruction")
        verbose_name_plural = _("evidence of destructions")
        indexes = [
            models.Index(fields=["mark"], name="evidence_mark"),
            models.Index(fields=["keep_until"], name="evidence_end"),
        ]
