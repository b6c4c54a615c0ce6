"""The claims of a policy that checks judge, for whoever enters a policy by hand. No Django.

A policy claim is a topic and a code. These are the codes that findings understand, each with its
meaning; any other code may be used and is kept as it is, but nobody judges it.
"""

from __future__ import annotations

from collections.abc import Mapping

from registry.errors import gettext_noop as _

KNOWN: Mapping[str, Mapping[str, str]] = {
    "scope": {
        "part_of_licence_agreement": _("The policy is a part of a licence agreement."),
        "part_of_agreement": _("The policy is a part of an agreement or a public offer."),
    },
    "subject_definition": {
        "any_visitor": _("Every visitor of the website is a data subject."),
        "registered": _("Only those who have registered are data subjects."),
        "registered_or_paid": _("Only those who have registered or paid are data subjects."),
    },
    "consent_term": {
        "indefinite": _("The consent has no end."),
        "unconditional": _("The consent is given without conditions."),
    },
    "consent_by_action": {
        "policy_is_the_consent": _("The text of the policy is itself the consent."),
        "registration": _("To register is to consent."),
        "payment": _("To pay is to consent."),
        "use_of_website": _("To use the website is to consent."),
    },
    "withdrawal": {
        "written_request": _("Consent is withdrawn by a written request only."),
        "by_marked_email": _("Consent is withdrawn by an e-mail with a set subject line."),
        "services_or_provable_way": _(
            "Consent is withdrawn by a state service, a non-state service or any provable way."
        ),
    },
    "subject_duty": {
        "stop_and_delete_account": _(
            "Whoever disagrees with the policy stops using the service and deletes the account."
        ),
    },
    "operator_duty": {
        "answer_term": _("The policy says in how many days people are answered."),
        "breach_notice": _("The policy says what is done, and who is told, when data leak."),
    },
    "principle": {
        "operations_performed": _("The policy says that all thirteen operations are performed."),
        "operations_named": _("The policy names collection, storage and transfer, nothing else."),
    },
    "data_source": {
        "public_sources": _("Data come from public sources."),
        "from_users": _("Data come from the people themselves."),
    },
    "third_party_transfer": {
        "never": _("Data are never given to third parties."),
        "services_by_their_own_terms": _("Services of third parties collect data as well."),
        "third_party_consent_in_the_policy": _(
            "By the policy itself people consent to the transfer to third parties."
        ),
        "needed_for_the_offer": _("Third parties receive data in order to perform the contract."),
        "improving_the_website": _("Third parties receive data in order to improve the website."),
        "definition_provision": _("Provision is disclosure to a definite person or circle."),
    },
    "cross_border": {
        "never": _("Data never leave the country."),
        "cross_border_consent_in_the_policy": _(
            "By the policy itself people consent to the transfer abroad."
        ),
        "notify_beforehand": _("Before a transfer abroad the authority is notified."),
        "separate_notification": _("The notice of a transfer abroad is a separate one."),
        "information_beforehand": _("Before that notice the foreign recipients are asked."),
        "definition": _("A transfer abroad is one to a foreign authority, person or company."),
    },
    "publication": {
        "if_purposes_require": _("Data may be published if the purposes require it."),
        "at_discretion": _("The operator may publish data whenever it sees fit."),
        "definition_dissemination": _("Dissemination is disclosure to an indefinite circle."),
    },
    "dissemination_limits": {
        "definition_permitted": _(
            "Data permitted for dissemination are those that a person opened to everybody."
        ),
    },
    "complaint_body": {
        "data_authority": _("Complaints go to the authority that supervises personal data."),
        "court": _("Complaints go to a court."),
        "consumer_protection": _("Complaints go to the authority for consumer protection."),
        "other": _("Complaints go to a body that supervises something else."),
    },
    "policy_publication": {
        "editor_note": _("A note of an editor was left in the text."),
    },
    "policy_change": {
        "unilateral": _("The operator changes the policy alone, for those who consented before."),
    },
    "governing_law": {
        "law_152fz": _("The policy follows Law 152-FZ of Russia."),
        "law_94v": _("The policy follows Law 94-V of Kazakhstan."),
    },
    "liability": {
        "not_for_third_parties": _("The operator does not answer for third parties."),
        "no_absolute_protection": _("The operator does not promise to keep data safe."),
    },
    "gap": {
        "clause_missing": _("A number of a clause is missing."),
        "heading_missing": _("A heading is missing."),
    },
    "right": {
        "information": _("To learn which data are processed, and how."),
        "clarification": _("To have data corrected."),
        "block": _("To have data blocked."),
        "destroy": _("To have data destroyed."),
        "clarify_block_destroy": _("To have data corrected, blocked or destroyed."),
        "withdraw_consent": _("To withdraw the consent."),
        "demand_to_cease": _("To demand that processing cease."),
        "refuse_publication": _("To agree to publication or to refuse it."),
        "stop_dissemination": _("To stop the dissemination of data at any time."),
        "marketing_prior_consent": _("To receive advertising only after having agreed to it."),
        "object_to_automated_decisions": _("To object to decisions made by machines alone."),
        "appeal": _("To complain to the authority or a court."),
        "defence": _("To defend one's rights, in court as well."),
        "damages": _("To claim damages in court."),
    },
}

# Codes of a claimed ground that the law of Kazakhstan does not know.
CONTRACT_GROUNDS = frozenset({"contract", "agreement", "user_agreement", "public_offer"})
INTEREST_GROUNDS = frozenset({"legitimate_interest", "legitimate_interests"})


def meanings() -> list[tuple[str, str, str]]:
    """Topic, code and meaning of every claim that checks judge, in the order of the topics."""
    return [
        (topic, code, meaning) for topic, codes in KNOWN.items() for code, meaning in codes.items()
    ]
