"""The published policies, for everybody. They begin with an operator's code."""

from __future__ import annotations

from django.urls import path

from registry.public import views

urlpatterns = [
    path("<slug:code>/policy/", views.policy, name="public_policy"),
    path("<slug:code>/policy/versions/", views.versions, name="public_policy_versions"),
    path(
        "<slug:code>/policy/<int:number>/<slug:language>/",
        views.version,
        name="public_policy_version",
    ),
    path(
        "<slug:code>/policy/<int:number>/<slug:language>/policy.pdf",
        views.version_pdf,
        name="public_policy_pdf",
    ),
    path(
        "<slug:code>/policy/<int:number>/<slug:language>/policy.txt",
        views.version_text,
        name="public_policy_text",
    ),
    path(
        "<slug:code>/policy/<int:before>/<int:after>/<slug:language>/changes/",
        views.changed,
        name="public_policy_changes",
    ),
]
