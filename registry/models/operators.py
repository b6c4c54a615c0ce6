"""The operator's card and what its policy says of itself."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from registry import identifiers
from registry.choices import Channel, ClaimTopic, Intake, Language
from registry.explain import sentence
from registry.models.base import (
    OPERATOR_HELP,
    ChoiceListField,
    Localized,
    OperatorRow,
    history,
)
from registry.models.law import Country, Jurisdiction
from registry.roles import EDIT, REGISTER, VIEW, Access

# An operator's public pages begin with its code, and these are the office's own; a system check
# holds that every address of the office is among them.
RESERVED_CODES = frozenset(
    {
        "admin",
        "calendar",
        "healthz",
        "readyz",
        "language",
        "static",
        "media",
        "request",
        "track",
        "webhooks",
    }  # fmt: skip
)


class Operator(models.Model):
    """The company that processes personal data under a published policy."""

    code = models.SlugField(
        _("code"), max_length=40, unique=True, help_text=_("Short and final: it stands in links.")
    )
    name = models.CharField(_("name"), max_length=300, help_text=_("The full legal name."))
    jurisdiction = models.ForeignKey(
        Jurisdiction,
        models.PROTECT,
        related_name="operators",
        verbose_name=_("jurisdiction"),
        help_text=_("Whose law its policy follows."),
    )
    bin = models.CharField(
        _("BIN"),
        max_length=12,
        blank=True,
        validators=[RegexValidator(r"^\d{12}$", _("A BIN has 12 digits."))],
        help_text=_("Business number of Kazakhstan, 12 digits; the check digit is verified."),
    )
    inn = models.CharField(
        _("INN"),
        max_length=12,
        blank=True,
        validators=[RegexValidator(r"^\d{10}(\d{2})?$", _("An INN has 10 or 12 digits."))],
        help_text=_("Tax number of Russia, 10 or 12 digits; the check digits are verified."),
    )
    address = models.CharField(
        _("address"), max_length=500, blank=True, help_text=_("Registered address, with postcode.")
    )
    website = models.CharField(
        _("website"), max_length=300, blank=True, help_text=_("The site that the policy covers.")
    )
    email = models.CharField(
        _("e-mail"), max_length=254, blank=True, help_text=_("Contact address of the policy.")
    )
    requests_email = models.CharField(
        _("mailbox for requests"),
        max_length=254,
        blank=True,
        help_text=_("Where people send their requests, if the policy names a mailbox."),
    )
    mailbox_country = models.ForeignKey(
        Country,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="mailboxes",
        verbose_name=_("country of the mailbox"),
        help_text=_("Where the provider keeps the letters (152-FZ 18(5)). Empty: not known yet."),
    )
    phone = models.CharField(
        _("phone"), max_length=40, blank=True, help_text=_("Contact phone of the policy.")
    )
    telegram = models.CharField(
        _("Telegram"), max_length=64, blank=True, help_text=_("Contact name in Telegram.")
    )
    bank_account = models.CharField(
        _("bank account"), max_length=40, blank=True, help_text=_("IBAN or account number.")
    )
    bank_name = models.CharField(_("bank"), max_length=200, blank=True, help_text=_("Its name."))
    bank_code = models.CharField(
        _("bank code"), max_length=20, blank=True, help_text=_("BIC of the bank.")
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        help_text=_("Such as Asia/Almaty. Empty: the zone of the jurisdiction."),
    )
    languages = ChoiceListField(
        _("languages"),
        options=Language,
        help_text=_("In which it writes to people and publishes its policy."),
    )
    policy_version = models.CharField(
        _("version of the policy"), max_length=40, blank=True, help_text=_("As the policy says.")
    )
    policy_dated = models.DateField(
        _("date of the policy"), null=True, blank=True, help_text=_("As the policy says.")
    )
    policy_address = models.CharField(
        _("address of the policy"),
        max_length=300,
        blank=True,
        help_text=_("As the policy says, even when the address is broken."),
    )
    responsible = models.ForeignKey(
        "registry.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="responsible_for",
        verbose_name=_("responsible person"),
        help_text=_("Organises the processing of personal data (152-FZ 22.1, 94-V 25(3))."),
    )
    also_under = models.ManyToManyField(
        Jurisdiction,
        blank=True,
        related_name="+",
        verbose_name=_("other laws looked at"),
        help_text=_(
            "Another state's law that was considered because its people or its zone of the "
            "internet are concerned (152-FZ 1(1.1))."
        ),
    )
    second_person = models.BooleanField(
        _("a second person reads refusals"),
        default=False,
        help_text=_(
            "On: a letter that refuses something, or tells what is known of a person, goes only "
            "when somebody else than its writer has approved it."
        ),
    )
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Off: no new cases; what is open stays visible.")
    )
    history = history(m2m_fields=[also_under])
    access = Access(scope="pk", dpo=VIEW | {"change"}, administrator=EDIT, room="register")

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["bin"], condition=~models.Q(bin=""), name="operator_bin_once"
            ),
            models.UniqueConstraint(
                fields=["inn"], condition=~models.Q(inn=""), name="operator_inn_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code

    @property
    def zone(self) -> ZoneInfo:
        """Where its days begin and end."""
        return ZoneInfo(self.time_zone or self.jurisdiction.time_zone)

    def clean(self) -> None:
        super().clean()
        problems: dict[str, object] = {}
        if self.code in RESERVED_CODES:
            problems["code"] = _("Pages of the office stand under this address. Choose another.")
        for field, check in (("bin", identifiers.check_bin), ("inn", identifiers.check_inn)):
            value = getattr(self, field)
            if value:
                try:
                    setattr(self, field, check(value))
                except identifiers.WrongIdentifier as error:
                    problems[field] = sentence(error)
        if self.time_zone and self.time_zone not in available_timezones():
            problems["time_zone"] = _("There is no such time zone.")
        if problems:
            raise ValidationError(problems)


class IntakeChannel(OperatorRow):
    """A way in which the policy lets people write."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="intake_channels",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    channel = models.CharField(
        _("channel"), max_length=30, choices=Channel, help_text=_("How the letter arrives.")
    )
    intake = models.CharField(
        _("for"), max_length=30, choices=Intake, help_text=_("What may be asked this way.")
    )
    address = models.CharField(
        _("address"), max_length=500, blank=True, help_text=_("Mailbox, street or link.")
    )
    clause = models.CharField(_("clause"), max_length=40, help_text=_("Of the policy."))
    history = history()
    access = REGISTER

    class Meta:
        verbose_name = _("channel of requests")
        verbose_name_plural = _("channels of requests")
        ordering = ["operator", "intake", "channel"]
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "channel", "intake", "clause"], name="intake_channel_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_intake_display()}: {self.get_channel_display()}"


class SubjectLine(OperatorRow):
    """A marked subject line: mail that bears it opens a request."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="subject_lines",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    text = models.CharField(
        _("subject line"), max_length=200, help_text=_("Exactly as the policy prints it.")
    )
    language = models.CharField(
        _("language"), max_length=2, choices=Language, help_text=_("Of the subject line.")
    )
    intake = models.CharField(
        _("for"), max_length=30, choices=Intake, help_text=_("Which request it opens.")
    )
    mailbox = models.CharField(_("mailbox"), max_length=254, help_text=_("Where it must arrive."))
    clause = models.CharField(_("clause"), max_length=40, help_text=_("Of the policy."))
    history = history()
    access = REGISTER

    class Meta:
        verbose_name = _("marked subject line")
        verbose_name_plural = _("marked subject lines")
        ordering = ["operator", "text"]
        constraints = [
            models.UniqueConstraint(fields=["operator", "text"], name="subject_line_once")
        ]

    def __str__(self) -> str:
        return self.text


class PolicyClaim(OperatorRow):
    """A fact that the policy states, in our own words, as it stands: findings judge it."""

    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        related_name="claims",
        verbose_name=_("operator"),
        help_text=OPERATOR_HELP,
    )
    topic = models.CharField(
        _("topic"), max_length=40, choices=ClaimTopic, help_text=_("What the clause speaks about.")
    )
    code = models.SlugField(
        _("code"), max_length=60, help_text=_("Names the fact, such as indefinite.")
    )
    clause = models.CharField(
        _("clause"), max_length=40, help_text=_("Number of the clause in the policy.")
    )
    words_ru = models.TextField(_("in Russian"), blank=True, help_text=_("In our own words."))
    words_kk = models.TextField(_("in Kazakh"), blank=True, help_text=_("In our own words."))
    words_en = models.TextField(_("in English"), blank=True, help_text=_("In our own words."))
    words = Localized("words")
    history = history()
    access = REGISTER

    class Meta:
        verbose_name = _("policy claim")
        verbose_name_plural = _("policy claims")
        ordering = ["operator", "topic", "code"]
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "topic", "code", "clause"], name="policy_claim_once"
            ),
            models.CheckConstraint(
                name="policy_claim_has_words",
                condition=~models.Q(words_ru="", words_kk="", words_en=""),
                violation_error_message=_("Say it in at least one language."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_topic_display()}: {self.code}"
