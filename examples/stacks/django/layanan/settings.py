"""What Django and mozilla-django-oidc are told; the lines of `idp clients add --for django` come by the environment."""

import os
from urllib.parse import urlsplit

ISSUER, HOME = os.environ["SIAPKERJA_ISSUER"], urlsplit(os.environ["SIAPKERJA_REDIRECT_URI"])

SECRET_KEY = os.environ["SESSION_SECRET"]
DEBUG = HOME.scheme == "http"
ALLOWED_HOSTS = [HOME.hostname]
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "mozilla_django_oidc"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "layanan.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"context_processors": []}}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("DATABASE", "layanan.sqlite3")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HOME.scheme == "https"

AUTHENTICATION_BACKENDS = ["layanan.people.People"]
OIDC_RP_CLIENT_ID = os.environ["SIAPKERJA_CLIENT_ID"]
OIDC_RP_CLIENT_SECRET = os.environ["SIAPKERJA_CLIENT_SECRET"]
OIDC_RP_SIGN_ALGO = "RS256"
OIDC_RP_SCOPES = "openid profile email"
OIDC_USE_PKCE = True
OIDC_STORE_ID_TOKEN = True  # signing out shows it to the provider
OIDC_OP_AUTHORIZATION_ENDPOINT = f"{ISSUER}/authorize"
OIDC_OP_TOKEN_ENDPOINT = f"{ISSUER}/token"
OIDC_OP_USER_ENDPOINT = f"{ISSUER}/userinfo"
OIDC_OP_JWKS_ENDPOINT = f"{ISSUER}/jwks.json"
OIDC_OP_LOGOUT_ENDPOINT = f"{ISSUER}/logout"
OIDC_OP_LOGOUT_URL_METHOD = "layanan.people.provider_logout"
LOGIN_REDIRECT_URL = LOGIN_REDIRECT_URL_FAILURE = LOGOUT_REDIRECT_URL = "/"
