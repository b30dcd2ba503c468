"""What the tests of the residents share."""

from collections.abc import Iterator

import pytest
from flask import Flask


@pytest.fixture
def here(app: Flask) -> Iterator[Flask]:
    """The application with its context pushed; a test may exchange its settings, store or keys, and it is whole again."""
    known = dict(app.extensions)
    with app.app_context():
        yield app
    app.extensions.clear()
    app.extensions.update(known)
