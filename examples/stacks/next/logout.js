// app/keluar/route.js: signs out here and everywhere; a form posts to it.
import { getToken } from "next-auth/jwt";
import { cookies } from "next/headers";
import { NextResponse } from "next/server";

export async function POST(request) {
  const token = await getToken({ req: request, secret: process.env.SESSION_SECRET });
  const home = new URL("/", process.env.SIAPKERJA_REDIRECT_URI).href;
  const asked = new URLSearchParams({ post_logout_redirect_uri: home, client_id: process.env.SIAPKERJA_CLIENT_ID });
  if (token?.idToken) asked.set("id_token_hint", token.idToken);
  const kept = await cookies();
  for (const { name } of kept.getAll()) if (name.includes("next-auth.session-token")) kept.delete(name);
  return NextResponse.redirect(`${process.env.SIAPKERJA_ISSUER}/logout?${asked}`, 303);
}
