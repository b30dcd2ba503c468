// A page without a server of its own: signs people in with SIAPkerja ID, greets them, and signs them out everywhere.
// `oidc` is oidc-client-ts (npm); with a bundler: import * as oidc from "oidc-client-ts".
import { SIAPKERJA } from "./config.js";

const home = SIAPKERJA.redirect_uri;
const manager = new oidc.UserManager({
  ...SIAPKERJA, post_logout_redirect_uri: home,
  loadUserInfo: true, // name and e-mail are at userinfo, not in the ID token
  automaticSilentRenew: false, monitorSession: false,
});

async function arrive() {
  const answer = new URLSearchParams(location.search);
  if (answer.has("state")) {
    if (answer.has("code") || answer.has("error")) await manager.signinCallback(); // checks state and PKCE
    else await manager.signoutCallback();
    history.replaceState({}, "", home);
  }
  return manager.getUser();
}

function show(user) {
  const { name, email } = user?.profile ?? {}; // `profile.sub` is the person for ever; name and e-mail can change
  document.getElementById("told").textContent = user ? `Selamat datang, ${name} (${email})` : "Layanan";
  document.body.dataset.state = user ? "in" : "out";
}

function fail(problem) {
  document.getElementById("told").textContent = `Belum masuk (${problem.error ?? problem.message}).`;
  document.body.dataset.state = "failed";
}

document.getElementById("login").onclick = () => manager.signinRedirect().catch(fail);
document.getElementById("logout").onclick = () => manager.signoutRedirect().catch(fail);
arrive().then(show, fail);
