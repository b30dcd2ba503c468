// A public client in the browser: PKCE, the token and userinfo endpoints called across origins, silent renewal by refresh.
const home = `${location.origin}/`;
const issuer = new URLSearchParams(location.search).get("issuer") ?? sessionStorage.getItem("issuer");
sessionStorage.setItem("issuer", issuer);
const manager = new oidc.UserManager({
  authority: issuer, client_id: "spa", redirect_uri: home, post_logout_redirect_uri: home,
  scope: "openid profile email", loadUserInfo: true, automaticSilentRenew: false, monitorSession: false,
});
const tell = (told) => { document.getElementById("told").textContent = JSON.stringify(told); };

async function arrive() {
  if (location.search.includes("code=") || location.search.includes("error=")) {
    const user = await manager.signinCallback();
    history.replaceState({}, "", home);
    return { profile: user.profile };
  }
  if (location.search.includes("state=")) return manager.signoutCallback().then(() => ({ left: true }));
  return { signed_in: Boolean(await manager.getUser()) };
}

document.getElementById("login").onclick = () => manager.signinRedirect();
document.getElementById("logout").onclick = () => manager.signoutRedirect({ state: "bye" });
arrive().then(tell, (problem) => tell({ error: String(problem) }));
