"""The pages where people follow their requests. They begin with an operator's code."""

from __future__ import annotations

from django.urls import path

from requests.public import answers, tracking

urlpatterns = [
    path("<slug:code>/track/", tracking.track_entry, name="public_track_entry"),
    path("<slug:code>/track/<str:tracking>/", tracking.track, name="public_track"),
    path(
        "<slug:code>/track/<str:tracking>/cancel/", tracking.track_cancel,
        name="public_track_cancel",
    ),
    path(
        "<slug:code>/track/<str:tracking>/answer/", answers.answer, name="public_answer",
    ),
    path(
        "<slug:code>/track/<str:tracking>/files/<int:number>/", tracking.track_file,
        name="public_track_file",
    ),
]  # fmt: skip
