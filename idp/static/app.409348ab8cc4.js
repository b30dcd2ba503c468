/* Small improvements of pages that are complete without them. Old browsers simply keep the plain page: plain ES5. */
(function () {
  "use strict";

  function all(selector, act) {
    Array.prototype.forEach.call(document.querySelectorAll(selector), act);
  }

  function fill(text, n) {
    return text.replace("{n}", String(n));
  }

  /* An error summary is read first. */
  all("[data-summary]", function (box) {
    box.focus();
  });

  /* Two presses send once; a page that comes back by the back button may be sent again. */
  all("form[data-once]", function (form) {
    var sent = false;
    function mark(is) {
      sent = is;
      Array.prototype.forEach.call(form.querySelectorAll("[type=submit]"), function (button) {
        if (is) button.setAttribute("aria-disabled", "true");
        else button.removeAttribute("aria-disabled");
      });
    }
    form.addEventListener("submit", function (event) {
      if (sent) event.preventDefault();
      else mark(true);
    });
    window.addEventListener("pageshow", function () { mark(false); });
    /* A slow network may lose the answer: after a while the person may press again. */
    form.addEventListener("submit", function () { window.setTimeout(function () { mark(false); }, 15000); });
  });

  /* Show and hide a password; it never leaves the page in the clear field's autocomplete. */
  all("[data-shows]", function (button) {
    var input = document.getElementById(button.getAttribute("data-shows"));
    function show(is) {
      input.type = is ? "text" : "password";
      button.textContent = button.getAttribute(is ? "data-hide" : "data-show");
      button.setAttribute("aria-label", button.getAttribute(is ? "data-hide-label" : "data-show-label"));
    }
    button.hidden = false;
    button.addEventListener("click", function () { show(input.type === "password"); });
    if (input.form) input.form.addEventListener("submit", function () { show(false); });
  });

  /* The rules of a new password, live, as the list hands them over; the server's answer is the one that counts. */
  function keeps(rule, text) {
    var least = rule.getAttribute("data-least");
    var symbols = rule.getAttribute("data-symbols");
    if (least) return Array.from(text).length >= Number(least);
    if (symbols) return text.split("").some(function (sign) { return symbols.indexOf(sign) >= 0; });
    return new RegExp("\\p{" + rule.getAttribute("data-category") + "}", "u").test(text);
  }
  all("[data-rules]", function (input) {
    var list = document.getElementById(input.getAttribute("data-rules"));
    var said = document.getElementById(list.id + "-said");
    var speak;
    try { new RegExp("\\p{Ll}", "u"); } catch (old) { return; }
    list.classList.add("live");
    function check() {
      var met = 0;
      Array.prototype.forEach.call(list.children, function (item) {
        var is = keeps(item, input.value);
        var mark = item.querySelector(".unseen");
        item.classList.toggle("met", is);
        if (is) met += 1;
        if (is && !mark) {
          mark = document.createElement("span");
          mark.className = "unseen";
          mark.textContent = " (" + list.getAttribute("data-met") + ")";
          item.appendChild(mark);
        }
        if (!is && mark) item.removeChild(mark);
      });
      window.clearTimeout(speak);
      speak = window.setTimeout(function () {
        said.textContent = input.value ? fill(said.getAttribute("data-text"), met) : "";
      }, 800);
    }
    input.addEventListener("input", check);
    if (input.value) check();
  });

  /* NIK in groups of four with a count; the caret stays where the person types. */
  all("[data-nik]", function (input) {
    var count = document.getElementById(input.getAttribute("data-nik"));
    function digits(text) { return text.replace(/[^0-9]/g, ""); }
    var said = document.getElementById(count.id + "-said");
    var speak;
    function tell(n) {
      count.hidden = n === 0;
      count.textContent = fill(count.getAttribute("data-text"), n);
      count.classList.toggle("full", n === 16);
      /* Spoken once the fingers rest, not at every key. */
      window.clearTimeout(speak);
      speak = window.setTimeout(function () { said.textContent = n ? count.textContent : ""; }, 1000);
    }
    function group() {
      var typed = input.value;
      if (/[^0-9\s.\-]/.test(typed)) { tell(digits(typed).length); return; }
      var before = digits(typed.slice(0, input.selectionStart || 0)).length;
      var grouped = digits(typed).replace(/(.{4})(?=.)/g, "$1 ");
      if (grouped !== typed) {
        input.value = grouped;
        if (document.activeElement === input) {
          var caret = before + (before ? Math.floor((before - 1) / 4) : 0);
          input.setSelectionRange(caret, caret);
        }
      }
      tell(digits(typed).length);
    }
    input.addEventListener("input", group);
    group();
  });

  /* Kirim Ulang opens when its time has come; without this script it is always open and the server says how long. */
  all("[data-countdown]", function (form) {
    var until = Date.now() + form.getAttribute("data-countdown") * 1000;
    var button = form.querySelector("[type=submit]");
    var shown = form.querySelector("[data-wait]");
    var ready = form.querySelector("[data-ready]");
    button.disabled = true;
    function tick() {
      var left = Math.ceil((until - Date.now()) / 1000);
      if (left > 0) {
        shown.textContent = fill(shown.getAttribute("data-wait"), left);
        window.setTimeout(tick, 250);
        return;
      }
      shown.hidden = true;
      button.disabled = false;
      ready.textContent = ready.getAttribute("data-ready");
    }
    tick();
  });

  /* A service's logo that does not come leaves no broken picture behind. */
  all(".service-logo", function (logo) {
    function away() { logo.hidden = true; }
    logo.addEventListener("error", away);
    if (logo.complete && !logo.naturalWidth) away();
  });

  /* Copying a key or codes, and printing them: buttons that only a script can serve. */
  all("[data-copies]", function (button) {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", function () {
      var what = document.getElementById(button.getAttribute("data-copies"));
      var lines = Array.prototype.map.call(what.children, function (line) { return line.textContent; });
      navigator.clipboard.writeText(lines.length ? lines.join("\n") : what.textContent).then(function () {
        button.textContent = button.getAttribute("data-done");
      });
    });
  });
  all("[data-prints]", function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });

  /* The warning that a session ends takes the page away: what was typed comes back with it. Only fields that the page says,
     which never are secrets; kept by this tab for ten minutes, and not once the form is sent. */
  all("form[data-keeps]", function (form) {
    var key = "typed:" + location.pathname;
    var fields = form.querySelectorAll("[data-keep]");
    var sent = false;
    var kept;
    function each(act) { Array.prototype.forEach.call(fields, act); }
    try { kept = JSON.parse(sessionStorage.getItem(key) || "null"); sessionStorage.removeItem(key); } catch (closed) { return; }
    if (kept && Date.now() - kept.at < 600000) each(function (field) {
      if (field.name in kept.typed && field.value === field.defaultValue) field.value = kept.typed[field.name];
    });
    form.addEventListener("submit", function () { sent = true; });
    window.addEventListener("pagehide", function () {
      var typed = {};
      each(function (field) { if (field.value !== field.defaultValue) typed[field.name] = field.value; });
      if (!sent && Object.keys(typed).length) sessionStorage.setItem(key, JSON.stringify({ at: Date.now(), typed: typed }));
    });
  });

  /* Passkeys: forms that ask this device, shown only where it can be asked; the answer is sent as a form like any other. */
  function bytes(text) {
    var raw = window.atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, function (sign) { return sign.charCodeAt(0); });
  }
  function text(buffer) {
    var raw = "";
    new Uint8Array(buffer).forEach(function (byte) { raw += String.fromCharCode(byte); });
    return window.btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function readable(options) {
    options.challenge = bytes(options.challenge);
    if (options.user) options.user.id = bytes(options.user.id);
    ["allowCredentials", "excludeCredentials"].forEach(function (list) {
      (options[list] || []).forEach(function (known) { known.id = bytes(known.id); });
    });
    return options;
  }
  function told(credential) {
    var given = { id: credential.id, rawId: text(credential.rawId), type: credential.type, clientExtensionResults: {}, response: {} };
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (part) {
      if (credential.response[part]) given.response[part] = text(credential.response[part]);
    });
    if (credential.response.getTransports) given.response.transports = credential.response.getTransports();
    if (credential.authenticatorAttachment) given.authenticatorAttachment = credential.authenticatorAttachment;
    return JSON.stringify(given);
  }
  all("[data-passkey]", function (form) {
    if (!window.PublicKeyCredential || !navigator.credentials) return;
    var kind = form.getAttribute("data-passkey");
    var waiting = null;
    var said = form.querySelector("[data-failed]");
    function ask(mediation) {
      if (waiting) waiting.abort();
      var mine = waiting = window.AbortController ? new window.AbortController() : null;
      var wanted = { publicKey: readable(JSON.parse(form.getAttribute("data-options"))) };
      if (mine) wanted.signal = mine.signal;
      if (mediation) wanted.mediation = mediation;
      return navigator.credentials[kind](wanted).then(function (credential) {
        form.elements.credential.value = told(credential);
        form.submit();
      });
    }
    form.hidden = false;
    form.querySelector("button").addEventListener("click", function () {
      said.textContent = "";
      ask().catch(function () { said.textContent = said.getAttribute("data-failed"); });
    });
    if (!form.hasAttribute("data-conditional") || !window.PublicKeyCredential.isConditionalMediationAvailable) return;
    window.PublicKeyCredential.isConditionalMediationAvailable().then(function (can) {
      if (can) return ask("conditional");
    }).catch(function () { /* the person chose another way */ });
  });
  all("[data-passkey-ready]", function (input) {
    var asked = window.PublicKeyCredential && window.PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable;
    if (asked) window.PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().then(function (can) {
      input.value = can ? "1" : "";
    });
  });
})();
