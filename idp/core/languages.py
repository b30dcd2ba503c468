"""The languages in which people are spoken to, and the translation of texts."""

from collections.abc import Callable
from typing import Any

from flask_babel import Babel, gettext, lazy_gettext

babel = Babel()

# Flask-Babel carries no types.
_: Callable[..., str] = gettext
_l: Callable[..., Any] = lazy_gettext
