"""The pages for the public. They begin with an operator's code, so they stand last of all."""

from __future__ import annotations

from django.urls import path

from requests.public import views

urlpatterns = [
    path("<slug:code>/request/", views.request_form, name="public_form"),
    path("<slug:code>/request/<str:public_id>/", views.submission, name="public_submission"),
]
