"""The one page of this service, and those of mozilla-django-oidc."""

from django.http import HttpResponse
from django.template import engines
from django.urls import include, path

PAGE = """<!doctype html><html lang="id"><title>Layanan</title>
{% if user.is_authenticated %}<h1>Selamat datang, {{ user.first_name }} ({{ user.email }})</h1>
<form method="post" action="{% url 'oidc_logout' %}">{% csrf_token %}<button>Keluar</button></form>
{% else %}<h1>Layanan</h1><p><a href="{% url 'oidc_authentication_init' %}">Masuk dengan SIAPkerja ID</a></p>{% endif %}"""


def home(request):
    return HttpResponse(engines["django"].from_string(PAGE).render({"user": request.user}, request))


urlpatterns = [path("", home), path("oidc/", include("mozilla_django_oidc.urls"))]
