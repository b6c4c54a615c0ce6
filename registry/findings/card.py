"""The operator's card: who it is, where it can be reached, in which languages."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Card, Register
from registry.findings.law import article, cited, under
from registry.findings.reading import abroad
from registry.findings.systems import host_of
from registry.identifiers import is_bin, is_inn

# Where well-known providers of mail keep letters, for operators that have not said it
# themselves; by the domain of the mailbox.
PROVIDERS = {
    "aol.com": "US",
    "bk.ru": "RU",
    "gmail.com": "US",
    "gmx.com": "DE",
    "gmx.net": "DE",
    "googlemail.com": "US",
    "hotmail.com": "US",
    "icloud.com": "US",
    "inbox.ru": "RU",
    "internet.ru": "RU",
    "list.ru": "RU",
    "live.com": "US",
    "mail.ru": "RU",
    "me.com": "US",
    "msn.com": "US",
    "outlook.com": "US",
    "proton.me": "CH",
    "protonmail.com": "CH",
    "rambler.ru": "RU",
    "ya.ru": "RU",
    "yahoo.com": "US",
    "yandex.com": "RU",
    "yandex.kz": "RU",
    "yandex.ru": "RU",
}

# Zones of the internet that belong to one state; the second ones are .рф and .қаз.
ZONES = {"ru": "RU", "xn--p1ai": "RU", "su": "RU", "kz": "KZ", "xn--80ao21a": "KZ"}


@check(
    "OPR-001",
    Severity.ERROR,
    message=_("%(name)s has no valid INN, the tax number of Russia."),
    clears=_("Enter the INN of the operator, 10 or 12 digits."),
)
def no_inn(register: Register) -> Iterator[Hit]:
    card = register.operator
    if under(register, "RU") and not is_inn(card.inn):
        yield _about(card, cited("RU", "22(3)"))


@check(
    "OPR-002",
    Severity.ERROR,
    message=_("%(name)s has no valid BIN, the business number of Kazakhstan."),
    clears=_("Enter the BIN of the operator, 12 digits."),
)
def no_bin(register: Register) -> Iterator[Hit]:
    card = register.operator
    if under(register, "KZ") and not is_bin(card.bin):
        yield _about(card, cited("KZ", "8(4)(1)"))


@check(
    "OPR-003",
    Severity.ERROR,
    message=_("%(name)s has no registered address: people cannot tell whom they deal with."),
    clears=_("Enter the registered address with its postcode."),
)
def no_address(register: Register) -> Iterator[Hit]:
    card = register.operator
    if not card.address.strip():
        yield _about(card, article(register, RU="9(4)(3), 22(3)", KZ="25(2)(1-1)"))


@check(
    "OPR-004",
    Severity.WARNING,
    message=_("%(name)s names no e-mail address to which people may write."),
    clears=_("Enter the contact address of the policy."),
)
def no_email(register: Register) -> Iterator[Hit]:
    card = register.operator
    if not card.email.strip():
        yield _about(card, article(register, RU="14(7), 22(3)", KZ="25(2)(6)"))


@check(
    "OPR-005",
    Severity.ERROR,
    message=_("Nobody at %(name)s is responsible for the processing of personal data."),
    clears=_("Appoint the responsible person by an order and name them on the operator's card."),
)
def nobody_responsible(register: Register) -> Iterator[Hit]:
    card = register.operator
    if not card.responsible:
        yield _about(card, article(register, RU="22.1(1), 18.1(1)(1)", KZ="25(2)(10)"))


@check(
    "OPR-006",
    Severity.ERROR,
    message=_(
        "Letters to a mailbox of %(name)s at %(domain)s are kept abroad (%(country)s), and people "
        "put their data into them."
    ),
    clears=_(
        "Move the mailbox to a provider that keeps letters in the country, and enter the country."
    ),
)
def mailbox_abroad(register: Register) -> Iterator[Hit]:
    card = register.operator
    for field, domain, country in (*_mailboxes(card), *_other_mailboxes(register)):
        if abroad(register, country):
            yield hit(
                f"operator:{card.code}/{field}",
                article(register, RU="18(5)", KZ="12(2)"),
                name=card.name,
                domain=domain,
                country=country,
            )


@check(
    "OPR-007",
    Severity.NOTE,
    message=_("Nobody has said in which country the mailbox of %(name)s at %(domain)s is kept."),
    clears=_("Ask the provider where it keeps the letters and enter the country."),
)
def mailbox_unknown(register: Register) -> Iterator[Hit]:
    card = register.operator
    for field, domain, country in _mailboxes(card):
        if not country and not card.mailbox_country:
            yield hit(
                f"operator:{card.code}/{field}",
                article(register, RU="18(5)", KZ="12(2)"),
                name=card.name,
                domain=domain,
            )


def _mailboxes(card: Card) -> Iterator[tuple[str, str, str]]:
    """The mailboxes of the card: field, domain, country (empty when not known).

    The country on the card is that of the mailbox for requests, or of the only one there is;
    else the provider's domain tells.
    """
    first = True
    seen: set[str] = set()
    for field, address in (("requests_email", card.requests_email), ("email", card.email)):
        domain = address.strip().lower().rpartition("@")[2]
        if domain and domain not in seen:
            stated = card.mailbox_country if first else ""
            yield field, domain, stated or PROVIDERS.get(domain, "")
            first = False
            seen.add(domain)


def _other_mailboxes(register: Register) -> Iterator[tuple[str, str, str]]:
    """Mailboxes to which people may write that the card does not name, by domain.

    Their country is the provider's; of a domain that nobody knows the register cannot tell.
    """
    known = {domain for _field, domain, _country in _mailboxes(register.operator)}
    for row in register.channels:
        domain = row.address.strip().lower().rpartition("@")[2]
        if row.channel == "email" and domain in PROVIDERS and domain not in known:
            known.add(domain)
            yield f"channels/{domain}", domain, PROVIDERS[domain]


@check(
    "OPR-008",
    Severity.WARNING,
    message=_(
        "The site of %(name)s stands in the zone .%(zone)s of another state, whose law nobody has "
        "looked at."
    ),
    clears=_(
        "Have a lawyer say whether that state's law applies too, and add it to the laws looked at."
    ),
)
def foreign_zone(register: Register) -> Iterator[Hit]:
    card = register.operator
    addresses = (card.website, card.policy_address)
    zones = {host_of(address).rstrip(".").rpartition(".")[2].lower() for address in addresses}
    for zone in sorted(zones & ZONES.keys()):
        if ZONES[zone] not in {card.jurisdiction, *card.also_under}:
            yield hit(
                f"operator:{card.code}/{zone}",
                cited("RU", "1(1.1)"),
                name=card.name,
                zone=zone.encode("ascii").decode("idna"),
            )


@check(
    "OPR-009",
    Severity.WARNING,
    message=_("%(name)s does not say in which languages it writes to people."),
    clears=_("Choose the languages in which the policy is published and letters are written."),
)
def no_language(register: Register) -> Iterator[Hit]:
    card = register.operator
    if not card.languages:
        yield _about(card, article(register, RU="9(1), 18.1(2)", KZ="8(4), 25(2)(1-1)"))


@check(
    "OPR-010",
    Severity.WARNING,
    message=_(
        "%(name)s publishes nothing in Russian, so people may not understand what they agree to."
    ),
    clears=_("Add Russian to its languages, and publish the policy and the consent texts in it."),
)
def no_russian(register: Register) -> Iterator[Hit]:
    card = register.operator
    if card.languages and "ru" not in card.languages:
        yield _about(card, article(register, RU="9(1), 18.1(2)", KZ="8(4), 25(2)(1-1)"))


@check(
    "OPR-011",
    Severity.WARNING,
    message=_("%(name)s publishes nothing in Kazakh, the state language."),
    clears=_("Add Kazakh to its languages, and publish the policy and the consent texts in it."),
)
def no_kazakh(register: Register) -> Iterator[Hit]:
    card = register.operator
    if under(register, "KZ") and card.languages and "kk" not in card.languages:
        yield _about(card, cited("KZ", "8(4), 25(2)(1-1)"))


def _about(card: Card, article: str) -> Hit:
    return hit(f"operator:{card.code}", article, name=card.name)
