"""Settings. Every variable of the environment is read here and stands in README's table."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import secrets as development_secrets
from requests.mailboxes import mailboxes
from subjects.webhooks import webhooks

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()

OFFICE_MODE = env.str("OFFICE_MODE", default="production")
if OFFICE_MODE not in {"development", "production"}:
    raise ImproperlyConfigured("OFFICE_MODE must be development or production.")
PRODUCTION = OFFICE_MODE == "production"
DEBUG = False

OFFICE_VAR = Path(env.str("OFFICE_VAR", default=str(BASE_DIR / "var"))).resolve()
OFFICE_SECRETS = development_secrets.folder().resolve()
if OFFICE_SECRETS.is_relative_to(OFFICE_VAR):
    raise ImproperlyConfigured("OFFICE_SECRETS must lie outside OFFICE_VAR.")
OFFICE_VAR.mkdir(parents=True, exist_ok=True)

# The keys of the vault: outside the database, outside OFFICE_VAR, outside every backup of either.
OFFICE_KEYS = Path(env.str("OFFICE_KEYS", default=str(OFFICE_SECRETS / "keys"))).resolve()
if OFFICE_KEYS.is_relative_to(OFFICE_VAR):
    raise ImproperlyConfigured("OFFICE_KEYS must lie outside OFFICE_VAR.")
OFFICE_SEALED = OFFICE_VAR / "sealed"
# What was destroyed since the last backup: a backup that is restored learns it from here.
OFFICE_JOURNAL = Path(env.str("OFFICE_JOURNAL", default=str(OFFICE_SECRETS / "journal"))).resolve()
if OFFICE_JOURNAL.is_relative_to(OFFICE_VAR):
    raise ImproperlyConfigured("OFFICE_JOURNAL must lie outside OFFICE_VAR.")

_made = {} if PRODUCTION else development_secrets.read_development_secrets()
SECRET_KEY = env.str("SECRET_KEY", default=_made.get("SECRET_KEY", ""))
DEMO_PASSWORD = _made.get("DEMO_PASSWORD", "")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else ["*"])
DATABASE_URL = env.str("DATABASE_URL", default="")
EMAIL_URL = env.str("EMAIL_URL", default="")
OFFICE_URL = env.str("OFFICE_URL", default="" if PRODUCTION else "http://127.0.0.1:8000")

if PRODUCTION:
    _missing = [
        name
        for name, value in {
            "SECRET_KEY": SECRET_KEY,
            "ALLOWED_HOSTS": ALLOWED_HOSTS,
            "DATABASE_URL": DATABASE_URL,
            "EMAIL_URL": EMAIL_URL,
            "OFFICE_URL": OFFICE_URL,
        }.items()
        if not value
    ]
    if _missing:
        raise ImproperlyConfigured(
            f"Production refuses to start without its own {', '.join(_missing)}."
        )
    if len(SECRET_KEY) < 50:
        raise ImproperlyConfigured("SECRET_KEY must be 50 characters or longer.")
elif not SECRET_KEY:
    raise ImproperlyConfigured("No SECRET_KEY. Run a command of manage.py once: it makes one.")

INSTALLED_APPS = [
    "config.apps.OfficeAdminConfig",
    "config.apps.OfficeConfig",
    "requests.apps.RequestsConfig",
    "subjects.apps.SubjectsConfig",
    "registry.apps.RegistryConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "simple_history",
    "django_filters",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "config.middleware.StaffLanguageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.NoStoreMiddleware",
    "config.middleware.TwoFactorMiddleware",
    "config.middleware.InspectorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "config.middleware.RefusalMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- data -----------------------------------------------------------------------------------
try:
    _database = env.db_url_config(DATABASE_URL or f"sqlite:///{OFFICE_VAR / 'office.sqlite3'}")
    _engine = _database["ENGINE"]
except (KeyError, ValueError):
    raise ImproperlyConfigured(
        "DATABASE_URL must look like postgres://user:password@host/name."
    ) from None
if _engine not in {"django.db.backends.sqlite3", "django.db.backends.postgresql"}:
    raise ImproperlyConfigured("DATABASE_URL must name PostgreSQL or SQLite.")
DATABASES = {"default": _database}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that will write takes the lock at once, so two writers queue instead of
        # failing half-way; recursive_triggers keeps history append-only against REPLACE.
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON; "
            "PRAGMA recursive_triggers=ON; PRAGMA busy_timeout=30000;"
        ),
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")
# --- people who log in ----------------------------------------------------------------------
AUTH_USER_MODEL = "registry.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "registry.access.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
# The second factor may be left off only where everything is synthetic anyway.
REQUIRE_TWO_FACTOR = env.bool("REQUIRE_TWO_FACTOR", default=PRODUCTION)
OTP_TOTP_ISSUER = "Personal Data Office"

# Failed log-ins are counted by name and address; of what was typed nothing is kept.
AXES_HANDLER = "config.throttle.QuietHandler"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "admin/locked_out.html"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False
try:
    TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)
except ValueError:
    raise ImproperlyConfigured("TRUSTED_PROXIES must be a number.") from None
# Axes itself reads no address behind proxies without a library of its own.
AXES_CLIENT_IP_CALLABLE = "requests.public.addresses.client_address"

# --- the browser ----------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
HTTPS = env.bool("HTTPS", default=PRODUCTION)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# The health pages answer a probe inside the network that speaks plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
CSRF_FAILURE_VIEW = "config.views.csrf_failure"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
# Form posts stay in memory: an upload handler that spools to a folder would leave plain text.
FILE_UPLOAD_HANDLERS = ["subjects.uploads.LimitedMemoryHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
STATIC_URL = "static/"
STATIC_ROOT = OFFICE_VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
WHITENOISE_USE_FINDERS = not PRODUCTION
if PRODUCTION:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }

# --- languages and time ---------------------------------------------------------------------
LANGUAGES = [("ru", _("Russian")), ("kk", _("Kazakh")), ("en", _("English"))]
LANGUAGE_CODE = "ru"
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "locale" / "third_party"]
USE_I18N = USE_TZ = True
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = "UTC"

# --- mail -----------------------------------------------------------------------------------
OFFICE_MAIL = OFFICE_VAR / "mail"
if EMAIL_URL:
    vars().update(env.email_url_config(EMAIL_URL))
else:
    EMAIL_BACKEND = "registry.mailfiles.EmailBackend"
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="office@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
try:
    MAILBOXES = mailboxes(env.str("MAILBOXES", default=""))
except ValueError as _wrong:
    raise ImproperlyConfigured(str(_wrong)) from None

# --- systems that are told by machine what to destroy ------------------------------------------
try:
    WEBHOOKS = webhooks(env.str("WEBHOOKS", default=""), loopback=not PRODUCTION)
except ValueError as _wrong:
    raise ImproperlyConfigured(str(_wrong)) from None

# --- people ---------------------------------------------------------------------------------
# How long a revealed card stays open, and how long a search's result can be reached.
REVEAL_MINUTES = 15
SEARCH_RESULT_MINUTES = 30
try:
    # A KEK is replaced after so many days, and its file destroyed so many days later.
    KEK_ROTATION_DAYS = env.int("KEK_ROTATION_DAYS", default=30)
    KEK_RETIREMENT_DAYS = env.int("KEK_RETIREMENT_DAYS", default=7)
    IMPORT_LIMIT_MB = env.int("IMPORT_LIMIT_MB", default=50)
except ValueError:
    raise ImproperlyConfigured(
        "KEK_ROTATION_DAYS, KEK_RETIREMENT_DAYS and IMPORT_LIMIT_MB must be numbers."
    ) from None

# --- history --------------------------------------------------------------------------------
SIMPLE_HISTORY_REVERT_DISABLED = True
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True

# --- the clock ------------------------------------------------------------------------------
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {
        "visibility_timeout": 3600,
        # A page that rings a bell does not wait for a broker that is away.
        "max_retries": 1,
        "interval_start": 0,
        "socket_connect_timeout": 3,
    }
else:
    _broker = OFFICE_VAR / "broker"
    for _folder in ("messages", "control"):
        (_broker / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_URL = "office://localhost/"  # files, see config/broker.py
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_broker / "messages"),
        "data_folder_out": str(_broker / "messages"),
        "control_folder": str(_broker / "control"),
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 1800  # seconds; well under the visibility timeout
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
# Rung at once when beat starts, however long it was away: every job is idempotent.
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def _hourly(task: str, minute: int) -> dict[str, object]:
    return {
        "task": task,
        "schedule": crontab(minute=minute),
        "last_run_at": _LONG_AGO,
        # A doorbell that nobody answered within the hour is answered by the next one.
        "options": {"expires": 3300},
    }


CELERY_BEAT_SCHEDULE = {
    "remind": _hourly("registry.tasks.remind", 1),
    "digest": _hourly("registry.tasks.digest", 3),
    "watch_notices": _hourly("registry.tasks.watch_notices", 7),
    "keep_keys": _hourly("subjects.tasks.keep_keys", 11),
    "watch_vault": _hourly("subjects.tasks.watch_vault", 17),
    "forget_results": _hourly("subjects.tasks.forget_results", 23),
    "import_sweep": _hourly("subjects.import_tasks.import_sweep", 29),
    "sweep_destruction": _hourly("subjects.tasks.sweep_destruction", 37),
    "call_systems": {
        "task": "subjects.tasks.call_systems",
        "schedule": crontab(minute="3-59/5"),
        "last_run_at": _LONG_AGO,
        "options": {"expires": 280},
    },
    "forget_submissions": _hourly("requests.tasks.forget_submissions", 43),
    "end_correspondence": _hourly("requests.tasks.end_correspondence", 47),
    "deliver": {
        "task": "registry.tasks.deliver",
        "schedule": crontab(minute="*/5"),
        "last_run_at": _LONG_AGO,
        "options": {"expires": 280},
    },
    "fetch_mail": {
        "task": "requests.tasks.fetch_mail",
        "schedule": crontab(minute="4-59/5"),
        "last_run_at": _LONG_AGO,
        "options": {"expires": 280},
    },
    "post_letters": {
        "task": "requests.tasks.post_letters",
        "schedule": crontab(minute="2-59/5"),
        "last_run_at": _LONG_AGO,
        "options": {"expires": 280},
    },
}

# --- logs -----------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="WARNING")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"links": {"()": "config.logs.WithoutLinks"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["links"]}
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # Arguments of tasks and values of forms never reach a log: these stay at warnings.
    # Nor do the makers of PDFs and pictures speak of what they draw, nor templates of a name that
    # is missing: they would quote the whole page with it.
    "loggers": {
        name: {"level": "WARNING"}
        for name in (
            "celery",
            "kombu",
            "axes",
            "django.template",
            "fontTools",
            "fpdf",
            "pypdf",
            "PIL",
            "faker",
        )
    },
}
