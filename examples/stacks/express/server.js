// A service on Express: signs people in with SIAPkerja ID, greets them, and signs them out everywhere.
import express from "express";
import session from "express-session";
import * as oidc from "openid-client";

const { SIAPKERJA_ISSUER, SIAPKERJA_CLIENT_ID, SIAPKERJA_CLIENT_SECRET, SIAPKERJA_REDIRECT_URI, SESSION_SECRET } = process.env;
const home = new URL("/", SIAPKERJA_REDIRECT_URI).href;
const secure = home.startsWith("https:");
// Without https the library speaks only when it is told that this is development.
const development = SIAPKERJA_ISSUER.startsWith("http:") ? { execute: [oidc.allowInsecureRequests] } : {};
const siapkerja = await oidc.discovery(
  new URL(SIAPKERJA_ISSUER), SIAPKERJA_CLIENT_ID, SIAPKERJA_CLIENT_SECRET, undefined, development,
);

const app = express();
app.set("trust proxy", secure ? 1 : false); // behind one proxy that ends TLS
// Sessions in memory are for development: give `store` one that all processes share.
app.use(session({ name: "layanan", secret: SESSION_SECRET, resave: false, saveUninitialized: false, cookie: { sameSite: "lax", secure } }));
const page = (body) => `<!doctype html><html lang="id"><meta charset="utf-8"><title>Layanan</title>${body}`;
const text = (value = "") => String(value).replace(/[&<>"]/g, (found) => `&#${found.charCodeAt(0)};`);

app.get("/", (request, response) => {
  const { person } = request.session;
  response.send(page(person
    ? `<h1>Selamat datang, ${text(person.name)} (${text(person.email)})</h1>
       <form method="post" action="/logout"><button>Keluar</button></form>`
    : `<h1>Layanan</h1><p><a href="/login">Masuk dengan SIAPkerja ID</a></p>`));
});

app.get("/login", async (request, response) => {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const pending = { pkceCodeVerifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() };
  request.session.pending = pending;
  response.redirect(oidc.buildAuthorizationUrl(siapkerja, {
    redirect_uri: SIAPKERJA_REDIRECT_URI, scope: "openid profile email",
    state: pending.expectedState, nonce: pending.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: "S256",
  }).href);
});

app.get("/callback", async (request, response) => {
  const { pending } = request.session;
  if (!pending) return response.redirect("/"); // another browser, or too late
  // Checks state, iss, nonce, and the ID token; throws where the person said no.
  const tokens = await oidc.authorizationCodeGrant(siapkerja, new URL(request.originalUrl, home), { ...pending, idTokenExpected: true });
  const { sub } = tokens.claims(); // the person for ever; name and e-mail can change, and are at userinfo
  const { name, email } = await oidc.fetchUserInfo(siapkerja, tokens.access_token, sub);
  await new Promise((done, failed) => request.session.regenerate((error) => (error ? failed(error) : done())));
  Object.assign(request.session, { person: { sub, name, email }, idToken: tokens.id_token });
  response.redirect("/");
});

app.post("/logout", async (request, response) => {
  const asked = { post_logout_redirect_uri: home, ...(request.session.idToken ? { id_token_hint: request.session.idToken } : {}) };
  await new Promise((done) => request.session.destroy(done));
  response.redirect(303, oidc.buildEndSessionUrl(siapkerja, asked).href);
});

app.use((problem, _request, response, _next) => {
  response.status(400).send(page(`<h1>Belum masuk</h1>${text(problem.error ?? "")}<p><a href="/login">Coba lagi</a></p>`));
});

app.listen(Number(new URL(home).port || 3000));
