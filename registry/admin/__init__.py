"""The admin pages of the register, the law, the staff and the clocks."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django_otp.plugins.otp_totp.admin import TOTPDevice

from registry.admin import (
    clocks,
    consents,
    control,
    findings,
    harm_form,
    instructions,
    law,
    notices,
    policies,
    register,
    register_papers,
    returns,
    staff,
    transfers,
)
from registry.services import paper_writers

# Rights come from roles with operators; groups would be a second, unused way.
admin.site.unregister(Group)
# A device is its owner's alone; a lost one is forgotten by manage.py reset_two_factor.
admin.site.unregister(TOTPDevice)

__all__ = [
    "clocks",
    "consents",
    "control",
    "findings",
    "harm_form",
    "instructions",
    "law",
    "notices",
    "paper_writers",
    "policies",
    "register",
    "register_papers",
    "returns",
    "staff",
    "transfers",
]
