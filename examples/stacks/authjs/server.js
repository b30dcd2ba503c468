// A service on Express and Auth.js: signs people in with SIAPkerja ID, greets them, and signs them out everywhere.
import { ExpressAuth, getSession } from "@auth/express";
import { getToken } from "@auth/core/jwt";
import express from "express";

const { SIAPKERJA_ISSUER, SIAPKERJA_CLIENT_ID, SIAPKERJA_CLIENT_SECRET, SIAPKERJA_REDIRECT_URI, SESSION_SECRET } = process.env;
const home = new URL("/", SIAPKERJA_REDIRECT_URI).href;
const cookie = home.startsWith("https:") ? "__Secure-authjs.session-token" : "authjs.session-token";

const siapkerja = {
  id: "siapkerja", name: "SIAPkerja ID", type: "oidc",
  issuer: SIAPKERJA_ISSUER, clientId: SIAPKERJA_CLIENT_ID, clientSecret: SIAPKERJA_CLIENT_SECRET,
  authorization: { params: { scope: "openid profile email" } },
  checks: ["pkce", "state", "nonce"],
  idToken: false, // name and e-mail are at userinfo, not in the ID token
  profile: ({ sub, name, email }) => ({ id: sub, name, email }),
};
const config = {
  providers: [siapkerja], secret: SESSION_SECRET, trustHost: true,
  callbacks: {
    // Auth.js makes up an id of its own: `sub` is the person for ever.
    jwt: ({ token, profile, account }) => (profile ? { ...token, sub: profile.sub, idToken: account.id_token } : token),
    session: ({ session, token }) => ({ ...session, user: { ...session.user, id: token.sub } }),
  },
};

const app = express();
app.set("trust proxy", true);
app.use(/^\/auth\/(.+)/, ExpressAuth(config)); // it looks for the part in brackets
const text = (value = "") => String(value).replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`);

app.get("/", async (request, response) => {
  const person = (await getSession(request, config))?.user;
  response.send(`<!doctype html><html lang="id"><meta charset="utf-8"><title>Layanan</title>${person
    ? `<h1>Selamat datang, ${text(person.name)} (${text(person.email)})</h1>
       <form method="post" action="/logout"><button>Keluar</button></form>`
    : `<h1>Layanan</h1><p><a href="/auth/signin?callbackUrl=/">Masuk dengan SIAPkerja ID</a></p>`}`);
});

app.post("/logout", async (request, response) => {
  const token = await getToken({ req: { headers: new Headers({ cookie: request.headers.cookie ?? "" }) }, secret: SESSION_SECRET, salt: cookie, cookieName: cookie });
  const asked = new URLSearchParams({ post_logout_redirect_uri: home, client_id: SIAPKERJA_CLIENT_ID });
  if (token?.idToken) asked.set("id_token_hint", token.idToken);
  response.clearCookie(cookie).redirect(303, `${SIAPKERJA_ISSUER}/logout?${asked}`);
});

app.listen(Number(new URL(home).port || 3000));
