"""The demo services inside the test's own process, talking to the provider over real HTTP."""

import importlib.util
import sys
from pathlib import Path

import pytest
from flask import Flask

from tests.relying_party import RelyingParty

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def demo_service(name: str, issuer: str, patch: pytest.MonkeyPatch) -> Flask:
    """One of `wlkp`, `jkp` and `pelatihan`, as `make run` would start it."""
    patch.setenv("IDP_ISSUER", issuer)
    patch.setenv(f"{name.upper()}_CLIENT_SECRET", RelyingParty.of_demo(issuer, name).secret)
    patch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    spec = importlib.util.spec_from_file_location(f"{name}_demo", EXAMPLES / name / "app.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    create = module.create_jkp if name == "jkp" else importlib.import_module("service").create_service
    made: Flask = create(getattr(module, name.upper()))
    return made
