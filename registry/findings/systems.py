"""Where data lie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, check, hit
from registry.findings.facts import Activity, Register, System
from registry.findings.law import article, under
from registry.findings.reading import abroad

# Grounds on which data of Russia's citizens may also stand in a database abroad (152-FZ 18(5)).
MAY_STAND_ABROAD = frozenset({"6(1)(2)", "6(1)(3)", "6(1)(4)", "6(1)(8)"})

_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)


def host_of(address: str) -> str:
    """The host that an address names, empty when it names none.

    An address of the web has a scheme; a bare host, with or without port and path, counts too.
    Names in other letters are read in their ASCII form.
    """
    text = address.strip()
    if not text or re.search(r"\s", text):
        return ""
    try:
        host = urlsplit(text if "://" in text else f"//{text}").hostname or ""
        if ":" not in host:  # an address of IPv6 has colons and stands in brackets
            host = host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return ""
    return host if ":" in host or _HOST.fullmatch(host) else ""


def is_web_address(address: str) -> bool:
    """Whether people can open it: http or https, and a host with a dot in it."""
    scheme, separator, _rest = address.strip().partition("://")
    return (
        bool(separator)
        and scheme.lower() in {"http", "https"}
        and "." in host_of(address).rstrip(".")
    )


@check(
    "SYS-001",
    Severity.WARNING,
    message=_("Nobody has said in which country the system %(name)s stands."),
    clears=_("Ask the provider where the database stands and enter the country."),
)
def country_unknown(register: Register) -> Iterator[Hit]:
    for row in register.systems:
        if not row.country:
            yield hit(
                f"system:{row.code}", article(register, RU="18(5)", KZ="12(2)"), name=row.name
            )


@check(
    "SYS-002",
    Severity.ERROR,
    message=_(
        "The system %(name)s stands abroad (%(country)s), and data are collected and kept there "
        "that must be kept in a database at home."
    ),
    clears=_(
        "Move the database into the country. In Kazakhstan it is enough that a system at home "
        "holds the data of the same activity."
    ),
)
def stands_abroad(register: Register) -> Iterator[Hit]:
    for system in register.systems:
        if abroad(register, system.country) and any(
            system.code in row.systems and not _may(register, row) for row in register.live
        ):
            yield hit(
                f"system:{system.code}",
                article(register, RU="18(5)", KZ="12(2)"),
                name=system.name,
                country=system.country,
            )


def _may(register: Register, activity: Activity) -> bool:
    """Whether the data of an activity may also lie abroad."""
    if under(register, "RU"):
        articles = {register.bases[code].article for code in activity.bases}
        return bool(articles) and articles <= MAY_STAND_ABROAD
    return any(row.country == register.operator.country for row in _systems(register, activity))


def _systems(register: Register, activity: Activity) -> list[System]:
    return [row for row in register.systems if row.code in activity.systems]


@check(
    "SYS-003",
    Severity.WARNING,
    message=_("The activity %(name)s uses machines, but names no system in which its data lie."),
    clears=_("Name the system, or say that the data are processed by hand."),
)
def nowhere(register: Register) -> Iterator[Hit]:
    for row in register.live:
        if row.mode in {"automated", "mixed"} and not row.systems:
            yield hit(
                f"activity:{row.code}",
                article(register, RU="18(5), 22(3)", KZ="12(2)"),
                name=row.name,
            )


@check(
    "SYS-004",
    Severity.WARNING,
    message=_("The address of the system %(name)s leads nowhere: %(address)s names no host."),
    clears=_("Write the address with its host, such as https://crm.example.com, or leave it out."),
)
def no_host(register: Register) -> Iterator[Hit]:
    for row in register.systems:
        if row.address.strip() and not host_of(row.address):
            yield hit(
                f"system:{row.code}",
                article(register, RU="22(3)", KZ="12(2)"),
                name=row.name,
                address=row.address,
            )


@check(
    "SYS-005",
    Severity.WARNING,
    message=_("The website of %(name)s cannot be opened as it is written: %(address)s."),
    clears=_("Write it in full, with https:// and the host."),
)
def broken_website(register: Register) -> Iterator[Hit]:
    card = register.operator
    if card.website.strip() and not is_web_address(card.website):
        yield hit(
            f"operator:{card.code}",
            article(register, RU="18.1(2)", KZ="25(2)(1-1)"),
            name=card.name,
            address=card.website,
        )


@check(
    "SYS-006",
    Severity.ERROR,
    message=_(
        "The policy of %(name)s says that it stands at %(address)s, which is no address: nobody "
        "can open it."
    ),
    clears=_("Write the address at which people find the policy, with https:// and the host."),
)
def broken_policy_address(register: Register) -> Iterator[Hit]:
    card = register.operator
    if card.policy_address.strip() and not is_web_address(card.policy_address):
        yield hit(
            f"operator:{card.code}",
            article(register, RU="18.1(2)", KZ="25(2)(1-1)"),
            name=card.name,
            address=card.policy_address,
        )
