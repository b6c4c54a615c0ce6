"""Where systems answer. The path is what they sign: ``calling.answer_path``."""

from __future__ import annotations

from django.urls import path

from subjects.public import views

urlpatterns = [
    path("destruction/<int:act>/<int:system>/", views.system_answer, name="system_answer"),
]
