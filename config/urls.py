from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import health, views
from registry.public import feeds

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="front"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("language/", include("django.conf.urls.i18n")),
    path("admin/my-language/", views.my_language, name="my_language"),
    path("admin/two-factor/", views.two_factor, name="two_factor"),
    path("admin/two-factor/picture.svg", views.two_factor_picture, name="two_factor_picture"),
    path("admin/", admin.site.urls),
    path("calendar/<slug:token>.ics", feeds.calendar, name="calendar_feed"),
    path("webhooks/", include("subjects.public.urls")),
    # Last: whatever they begin with is an operator's code (see ``RESERVED_CODES``).
    path("", include("registry.public.urls")),
    path("", include("requests.public.urls")),
    path("", include("requests.public.track_urls")),
]

handler400 = "config.views.bad_request"
handler403 = "config.views.forbidden"
handler404 = "config.views.not_found"
handler500 = "config.views.server_error"
