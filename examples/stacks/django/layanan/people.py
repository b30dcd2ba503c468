"""Who people are here: matched on `sub`, never on the e-mail address, which can pass to somebody else."""

from urllib.parse import urlencode

from django.conf import settings
from mozilla_django_oidc.auth import OIDCAuthenticationBackend


class People(OIDCAuthenticationBackend):
    """Users whose username is their `sub`."""

    def verify_claims(self, claims):
        return "sub" in claims

    def filter_users_by_claims(self, claims):
        return self.UserModel.objects.filter(username=claims["sub"])

    def create_user(self, claims):
        user = self.UserModel(username=claims["sub"])
        user.set_unusable_password()
        return self.update_user(user, claims)

    def update_user(self, user, claims):
        user.first_name, user.email = claims["name"][:150], claims.get("email", "")
        user.save()
        return user


def provider_logout(request):
    """Where the browser goes to sign out of SIAPkerja ID too; called before the session here ends."""
    asked = {
        "id_token_hint": request.session.get("oidc_id_token", ""),
        "post_logout_redirect_uri": request.build_absolute_uri("/"),
    }
    return f"{settings.OIDC_OP_LOGOUT_ENDPOINT}?{urlencode(asked)}"
