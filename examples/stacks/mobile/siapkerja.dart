// An app in Flutter with flutter_appauth (AppAuth on Android and iOS): signs people in with SIAPkerja ID in the system's browser.
import 'dart:convert';

import 'package:flutter_appauth/flutter_appauth.dart';
import 'package:flutter_secure_storage/flutter_secure_storage.dart';
import 'package:http/http.dart' as http;

// The three lines of `idp clients add --for mobile`. An app can keep no secret, and needs none: PKCE takes its place.
const issuer = 'https://id.example.go.id';
const clientId = 'layanan-saya';
const redirectUri = 'id.go.example.layanan:/callback'; // your own domain, reversed; also in build.gradle and Info.plist

const _appAuth = FlutterAppAuth();
const _storage = FlutterSecureStorage(); // never SharedPreferences: tokens are keys

/// Signs a person in; what the provider tells of them, of which `sub` is the person for ever.
Future<Map<String, dynamic>> signIn() async {
  final tokens = await _appAuth.authorizeAndExchangeCode(AuthorizationTokenRequest(
    clientId, redirectUri,
    issuer: issuer, scopes: ['openid', 'profile', 'email'], // PKCE, state and nonce come by themselves
  ));
  await _storage.write(key: 'id_token', value: tokens.idToken);
  final answer = await http.get(Uri.parse('$issuer/userinfo'), headers: {'Authorization': 'Bearer ${tokens.accessToken}'});
  if (answer.statusCode != 200) throw Exception('userinfo: ${answer.statusCode}');
  return jsonDecode(utf8.decode(answer.bodyBytes)) as Map<String, dynamic>;
}

/// Signs the person out here and at the provider; register `redirectUri` as a post_logout_redirect_uri too.
Future<void> signOut() async {
  final hint = await _storage.read(key: 'id_token');
  await _storage.delete(key: 'id_token');
  await _appAuth.endSession(EndSessionRequest(idTokenHint: hint, postLogoutRedirectUrl: redirectUri, issuer: issuer));
}
