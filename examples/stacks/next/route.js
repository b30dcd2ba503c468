// app/api/auth/[...nextauth]/route.js: next-auth 4 in Next.js 13 to 15. NEXTAUTH_URL and NEXTAUTH_SECRET are its own variables.
import NextAuth from "next-auth";

const { SIAPKERJA_ISSUER, SIAPKERJA_CLIENT_ID, SIAPKERJA_CLIENT_SECRET, SESSION_SECRET } = process.env;

export const options = {
  secret: SESSION_SECRET,
  providers: [{
    id: "siapkerja", name: "SIAPkerja ID", type: "oauth", idToken: true,
    wellKnown: `${SIAPKERJA_ISSUER}/.well-known/openid-configuration`,
    clientId: SIAPKERJA_CLIENT_ID, clientSecret: SIAPKERJA_CLIENT_SECRET,
    authorization: { params: { scope: "openid profile email" } },
    checks: ["pkce", "state", "nonce"],
    // Name and e-mail are at userinfo, not in the ID token.
    userinfo: { request: ({ client, tokens }) => client.userinfo(tokens) },
    profile: ({ sub, name, email }) => ({ id: sub, name, email }),
  }],
  callbacks: {
    jwt: ({ token, account }) => (account ? { ...token, idToken: account.id_token } : token),
    // `sub` is the person for ever; name and e-mail can change.
    session: ({ session, token }) => ({ ...session, user: { ...session.user, id: token.sub } }),
  },
};

const handler = NextAuth(options);
export { handler as GET, handler as POST };
