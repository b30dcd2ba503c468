// A relying party on npm's openid-client: it discovers, signs in with PKCE, asks userinfo, refreshes and logs out.
// ISSUER, CLIENT_ID, CLIENT_SECRET and PORT come from the environment; one person at a time is enough for it.
import { createServer } from "node:http";
import { webcrypto } from "node:crypto";
import * as oidc from "openid-client";

globalThis.crypto ??= webcrypto; // Node 18 does not have it there

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT, ALG = "RS256" } = process.env;
const base = `http://127.0.0.1:${PORT}`;
const config = await oidc.discovery(
  new URL(ISSUER), CLIENT_ID, { id_token_signed_response_alg: ALG }, oidc.ClientSecretBasic(CLIENT_SECRET),
  { execute: [oidc.allowInsecureRequests] },
);
// Not only trusted because they came from the token endpoint: ID tokens must verify with the published keys.
oidc.enableNonRepudiationChecks(config);
let pending, tokens;

const pages = {
  "/": async () => ({ signed_in: Boolean(tokens) }),
  "/login": async (url) => {
    const verifier = oidc.randomPKCECodeVerifier();
    pending = { pkceCodeVerifier: verifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() };
    return oidc.buildAuthorizationUrl(config, {
      redirect_uri: `${base}/callback`, scope: "openid profile email offline_access",
      state: pending.expectedState, nonce: pending.expectedNonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
      ...Object.fromEntries(url.searchParams),
    });
  },
  "/callback": async (url) => {
    tokens = await oidc.authorizationCodeGrant(config, url, { ...pending, idTokenExpected: true });
    return { claims: tokens.claims(), scope: tokens.scope, refresh: Boolean(tokens.refresh_token) };
  },
  "/userinfo": async () => oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub),
  "/refresh": async () => {
    const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    const changed = fresh.access_token !== tokens.access_token;
    const idToken = tokens.id_token;
    tokens = fresh;
    return { changed, sub: fresh.claims()?.sub, id_token: Boolean(fresh.id_token ?? idToken) };
  },
  "/revoke": async () => (await oidc.tokenRevocation(config, tokens.refresh_token), { revoked: true }),
  "/logout": async () => oidc.buildEndSessionUrl(config, {
    post_logout_redirect_uri: `${base}/`, id_token_hint: tokens.id_token, state: "bye",
  }),
};

createServer(async (request, response) => {
  const url = new URL(request.url, base);
  try {
    const answer = await pages[url.pathname](url);
    if (answer instanceof URL) return response.writeHead(303, { Location: answer.href }).end();
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
  } catch (problem) {
    const told = { error: problem.error ?? problem.code ?? problem.name, message: problem.message };
    response.writeHead(400, { "Content-Type": "application/json" }).end(JSON.stringify(told));
  }
}).listen(Number(PORT), "127.0.0.1");
