"""The frame of session management, in real engines with and without `crypto.subtle`."""

import pytest

from idp.core import crypto

WATCHED = """([address, message]) => new Promise((resolve) => {
  const frame = document.createElement("iframe");
  frame.addEventListener("load", () => frame.contentWindow.postMessage(message, "*"));
  window.addEventListener("message", (event) => resolve(event.data));
  frame.src = address;
  document.body.append(frame);
})"""


@pytest.mark.parametrize("subtle", [True, False], ids=["with-subtle", "without-subtle"])
def test_the_frame_tells_whether_the_session_is_the_same(tab, service, subtle):
    """R10, C2: SHA-256 in plain script: an engine without `crypto.subtle`, or plain http, watches sessions all the same."""
    one, issuer = tab(javascript=True), service("wlkp").issuer
    if not subtle:
        one.page.add_init_script("Object.defineProperty(crypto, 'subtle', {value: undefined})")
    one.open(f"{one.landing}/")
    one.page.context.add_cookies([{"name": "idp_browser_state", "value": "the-state", "url": issuer}])
    for state, told in (("the-state", "unchanged"), ("another", "changed")):
        # Long enough for several blocks, and not only ASCII: the salt is what a client carries back.
        salt = "garam-é-" + "x" * 150
        digest = crypto.sha256(f"wlkp {one.landing} {state} {salt}").hex()
        assert one.page.evaluate(WATCHED, [f"{issuer}/check_session", f"wlkp {digest}.{salt}"]) == told
    assert one.page.evaluate(WATCHED, [f"{issuer}/check_session", "nonsense"]) == "error"
