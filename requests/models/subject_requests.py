"""The letter of a person: what it asks for, about whom, who the writer was shown to be."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.fields import GenericRelation
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry.choices import Language
from registry.models import Deadline, Operator, ProcessingActivity, User
from registry.models.base import OPERATOR_HELP, OperatorRow
from registry.roles import VIEW, Access
from requests import powers, states
from subjects import values
from subjects.folding import WHOLE, index_terms
from subjects.models import Consent
from subjects.models.base import lean_history
from subjects.vault.field import SealedField, SealedModel
from subjects.vault.models import Sealed
from subjects.vault.store import Place, Terms

NO_NAMES = _("No names or numbers of people: nothing here is sealed.")
SEALED = _("Sealed when saved.")
# What the writer told, each sealed under a key of its own.
TOLD = ("name", "email", "phone", "postal", "message")
# By what of it a request of the same contact is found.
CONTACT_FORMATS = {"email": values.EMAIL, "phone": values.PHONE}
# All that is sealed in a request: what was told, and the code of the page where it is followed.
SEALED_FIELDS = (*TOLD, "tracking", "power")


class RequestChannel(models.TextChoices):
    WEB_FORM = "web_form", _("public form")
    PAPER = "paper", _("paper")
    IN_PERSON = "in_person", _("in person")
    REGISTERED_MAIL = "registered_mail", _("registered mail")
    PHONE = "phone", _("phone")
    EMAIL = "email", _("e-mail")
    STATE_SERVICE = "state_service", _("state service")
    NON_STATE_SERVICE = "non_state_service", _("non-state service")


class AnswerBy(models.TextChoices):
    EMAIL = "email", _("e-mail")
    POST = "post", _("post")
    BY_HAND = "by_hand", _("by hand")


class RequestState(models.TextChoices):
    RECEIVED = states.RECEIVED, _("received")
    IN_WORK = states.IN_WORK, _("in work")
    WAITING = states.WAITING, _("waits for an obligation")
    DECIDED = states.DECIDED, _("decided")
    DONE = states.DONE, _("done")
    WITHDRAWN = states.WITHDRAWN, _("withdrawn")


class RequestKind(models.TextChoices):
    WITHDRAWAL = "withdrawal", _("withdrawal of consent")
    DESTRUCTION = "destruction", _("destruction of data")
    CEASE = "cease", _("end of all processing")
    MARKETING = "marketing", _("stop marketing")
    BLOCKING = "blocking", _("blocking of data")
    UNBLOCKING = "unblocking", _("lifting of a block")
    INFORMATION = "information", _("information about the data")
    CORRECTION = "correction", _("correction of data")
    OBJECTION = "objection", _("objection to an automated decision")
    COMPLAINT = "complaint", _("complaint")
    OTHER = "other", _("other request")


class Finding(models.TextChoices):
    """What the check of a complaint, of a block or of a correction has shown (152-FZ 21(1)-(3),
    94-V 25(2)(8)).
    """

    NOT_CONFIRMED = "not_confirmed", _("not confirmed")
    INACCURATE = "inaccurate", _("data are wrong")
    UNLAWFUL = "unlawful", _("processing is unlawful")


class Scope(models.TextChoices):
    """What of a consent is taken back; the names are the columns of ``Consent``."""

    THIRD_PARTIES = "third_parties", _("to third parties")
    CROSS_BORDER = "cross_border", _("across the border")
    DISSEMINATION = "dissemination", _("to disseminate")


class Decision(models.TextChoices):
    OPEN = states.OPEN, _("not decided")
    ACCEPTED = states.ACCEPTED, _("accepted")
    PARTLY = states.PARTLY, _("accepted in part")
    REFUSED = states.REFUSED, _("refused")
    BARRED = states.BARRED, _("barred by an obligation")


class RepresentedBy(models.TextChoices):
    """By what somebody else speaks for the person; the names are those of ``requests.powers``."""

    POWER = powers.POWER, _("power of attorney")
    PARENT = powers.PARENT, _("parent or guardian of a child")
    GUARDIAN = powers.GUARDIAN, _("guardian of an adult")


class MatchedBy(models.TextChoices):
    """What on the card is the same as in the letter."""

    EMAIL = "email", _("e-mail")
    PHONE = "phone", _("phone")
    NOTHING = "nothing", _("chosen by hand")


class CheckKind(models.TextChoices):
    """What was looked at to know who writes. Kinds only: no copy and no number is kept."""

    DOCUMENT = "document", _("identity document seen")
    E_SIGNATURE = "e_signature", _("e-signature verified")
    STATE_SERVICE = "state_service", _("confirmed by a state service")
    ACCOUNT = "account", _("wrote from the own account, logged in")
    POWER_OF_ATTORNEY = "power_of_attorney", _("power of attorney seen")
    CONTACT = "contact", _("contact confirmed")


# The administrator runs the machine and sees no letters; the clerk registers and prepares, the
# DPO decides.
_CLERK = VIEW | {
    "add", "demand", "link", "unlink", "check", "represent", "open", "assign", "write", "note",
    "file",
}  # fmt: skip
REQUESTS = Access(
    scope="operator",
    dpo=_CLERK | {"block", "draft", "withdraw", "close", "reopen"},
    clerk=_CLERK,
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
    room="requests",
)
ITEMS = Access(
    scope="request__operator",
    dpo=VIEW | {"accept", "refuse", "bar", "met", "extend", "find", "correct", "tell", "answer"},
    # The clerk corrects what the DPO has found to be wrong, and prepares what the DPO releases.
    clerk=VIEW | {"correct", "tell", "answer"},
    auditor=VIEW,
    administrator=frozenset(),
    sworn=True,
    room="requests",
)


def _told(label: Any, name: str) -> SealedField:
    return SealedField(label, kind=Sealed.REQUEST, key=f"{name}_key", help_text=SEALED)


def _key() -> Any:
    return models.BigIntegerField(null=True, blank=True, unique=True, editable=False)


class SubjectRequest(SealedModel, OperatorRow):
    """A registered letter of a person (152-FZ 14, 20, 21; 94-V 8, 24, 25(2); Digital Code 41)."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="subject_requests",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    number = models.CharField(_("number"), max_length=40)
    channel = models.CharField(
        _("came by"), max_length=20, choices=RequestChannel, help_text=_("94-V 8(1).")
    )
    received_at = models.DateTimeField(
        _("received at"),
        help_text=_(
            "Local time of the operator. The day counts even when the letter came after hours; "
            "the count begins the day after."
        ),
    )
    registered_at = models.DateTimeField(_("registered at"))
    language = models.CharField(
        _("language"), max_length=2, choices=Language, help_text=_("In which we answer.")
    )
    answer_by = models.CharField(
        _("form of the answer"), max_length=10, choices=AnswerBy, help_text=_("As the person asks.")
    )
    state = models.CharField(
        _("state"), max_length=20, choices=RequestState, default=RequestState.RECEIVED
    )
    name = _told(_("name of the applicant"), "name")
    name_key = _key()
    email = _told(_("e-mail address"), "email")
    email_key = _key()
    phone = _told(_("phone number"), "phone")
    phone_key = _key()
    postal = _told(_("postal address"), "postal")
    postal_key = _key()
    message = _told(_("message"), "message")
    message_key = _key()
    # The page is found by the hash, and the code is opened for letters that name the link.
    tracking = _told(_("code of the tracking page"), "tracking")
    tracking_key = _key()
    tracking_hash = models.CharField(
        _("hash of the tracking code"), max_length=64, null=True, blank=True, editable=False
    )
    track = models.CharField(
        _("postal track number"),
        max_length=40,
        blank=True,
        help_text=_("Of registered mail, or the incoming number of the paper. No names."),
    )
    represented_by = models.CharField(
        _("represented by"), max_length=20, choices=RepresentedBy, blank=True
    )
    # What shows it and its last day: that of a parent tells when the child was born.
    power = _told(_("power of the representative"), "power")
    power_key = _key()
    power_for = models.JSONField(
        _("what the power covers"),
        default=list,
        blank=True,
        help_text=_("Kinds of demands. Empty: all."),
    )
    withdrawn_reason = models.CharField(
        _("why withdrawn"), max_length=300, blank=True, help_text=NO_NAMES
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    history = lean_history()
    numbered = "REQ"
    access = REQUESTS

    class Meta(SealedModel.Meta):
        abstract = False
        verbose_name = _("request of a person")
        verbose_name_plural = _("requests of people")
        ordering = ["-received_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "number"], name="request_number_once"),
            models.UniqueConstraint(fields=["tracking_hash"], name="request_tracking_once"),
            models.CheckConstraint(
                name="request_tracking_has_its_hash",
                condition=models.Q(tracking_key=None, tracking_hash=None)
                | models.Q(tracking_key__isnull=False, tracking_hash__isnull=False),
            ),
            models.CheckConstraint(
                name="request_registered_after_receipt",
                condition=models.Q(registered_at__gte=models.F("received_at")),
            ),
            models.CheckConstraint(
                name="request_withdrawn_has_a_reason",
                condition=~models.Q(state=RequestState.WITHDRAWN) | ~models.Q(withdrawn_reason=""),
            ),
            models.CheckConstraint(
                name="request_ended_when_it_is_over",
                condition=models.Q(
                    state__in=[RequestState.DONE, RequestState.WITHDRAWN], ended_at__isnull=False
                )
                | (
                    ~models.Q(state__in=[RequestState.DONE, RequestState.WITHDRAWN])
                    & models.Q(ended_at=None)
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def sealed_place(self, name: str) -> Place:
        """Bound to the request's own row, which must have its number first."""
        return Place(kind=Sealed.REQUEST, owner=self.pk)

    def sealed_terms(self, name: str, text: str) -> Terms | None:
        """The contact is found by the same terms as that of a card: whoever writes again is seen.

        The search of people passes it by: it asks for data of cards only.
        """
        if name not in CONTACT_FORMATS:
            return None
        return Terms(self.operator_id, index_terms(CONTACT_FORMATS[name], WHOLE, text))


class RequestItem(OperatorRow):
    """One thing that a request asks for, its clock, what was decided, and when it was done."""

    request = models.ForeignKey(
        SubjectRequest, models.PROTECT, related_name="items", verbose_name=_("request")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=RequestKind)
    scope = models.CharField(
        _("only for"),
        max_length=20,
        choices=Scope,
        blank=True,
        help_text=_("Empty: the consent as a whole (94-V 24(1), 152-FZ 10.1)."),
    )
    consent = models.ForeignKey(
        Consent,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="request_items",
        verbose_name=_("consent"),
        help_text=_("Empty: every consent of the people the request is about."),
    )
    activity = models.ForeignKey(
        ProcessingActivity,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="request_items",
        verbose_name=_("processing activity"),
        help_text=_("Empty: whatever is done with the data."),
    )
    received_at = models.DateTimeField(
        _("counts from"),
        help_text=_("The receipt of the letter; for one that came back, the day of the duty."),
    )
    follows = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="followed_by",
        verbose_name=_("comes back from"),
    )
    decision = models.CharField(
        _("decision"), max_length=20, choices=Decision, default=Decision.OPEN
    )
    refusal = models.CharField(_("ground of the refusal"), max_length=40, blank=True)
    reasons = models.TextField(_("reasons"), max_length=5_000, blank=True, help_text=NO_NAMES)
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="decided_request_items",
        verbose_name=_("decided by"),
    )
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)
    finding = models.CharField(
        _("what the check has shown"), max_length=20, choices=Finding, blank=True
    )
    found_at = models.DateTimeField(_("found at"), null=True, blank=True)
    found_by = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="found_request_items",
        verbose_name=_("checked by"),
    )
    shown_by = models.CharField(_("what shows it"), max_length=300, blank=True, help_text=NO_NAMES)
    deadlines = GenericRelation(
        Deadline, content_type_field="about_type", object_id_field="about_id"
    )
    history = lean_history()
    access = ITEMS

    class Meta:
        verbose_name = _("demand of a request")
        verbose_name_plural = _("demands of requests")
        ordering = ["request", "id"]
        constraints = [
            models.CheckConstraint(
                name="item_decided_is_whole",
                condition=models.Q(decision=Decision.OPEN, decided_at=None, decided_by=None)
                | (~models.Q(decision=Decision.OPEN) & models.Q(decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="item_refused_has_a_ground",
                condition=models.Q(decision__in=[Decision.OPEN, Decision.ACCEPTED], refusal="")
                | (
                    models.Q(decision__in=[Decision.PARTLY, Decision.REFUSED, Decision.BARRED])
                    & ~models.Q(refusal="")
                    & ~models.Q(reasons="")
                ),
            ),
            models.CheckConstraint(
                name="item_done_after_its_decision",
                condition=models.Q(done_at=None) | models.Q(done_at__gte=models.F("decided_at")),
            ),
            models.CheckConstraint(
                name="item_finding_is_whole",
                condition=models.Q(finding="", found_at=None, found_by=None, shown_by="")
                | (
                    ~models.Q(finding="")
                    & models.Q(found_at__isnull=False)
                    & ~models.Q(shown_by="")
                ),
            ),
            models.CheckConstraint(
                name="item_scope_of_a_consent",
                condition=models.Q(scope="") | models.Q(kind=RequestKind.WITHDRAWAL),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.request.number}: {self.what}"

    @property
    def operator(self) -> Operator:
        return self.request.operator

    @property
    def what(self) -> str:
        """What is asked for, in a few words."""
        if not self.scope:
            return str(self.get_kind_display())
        return f"{self.get_kind_display()} ({self.get_scope_display()})"
