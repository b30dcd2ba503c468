// A service in Go: signs people in with SIAPkerja ID, greets them, and signs them out everywhere.
package main

import (
	"context"
	"crypto/rand"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

var page = template.Must(template.New("page").Parse(`<!doctype html><html lang="id"><meta charset="utf-8"><title>Layanan</title>
{{if .Sub}}<h1>Selamat datang, {{.Name}} ({{.Email}})</h1><form method="post" action="/logout"><button>Keluar</button></form>
{{else}}<h1>Layanan</h1><p><a href="/login">Masuk dengan SIAPkerja ID</a></p>{{end}}`))

// A session: first what a sign-in on its way must match, then who came. Sub is the person for ever; name and e-mail can change.
type session struct {
	State, Nonce, Verifier    string
	Sub, Name, Email, IDToken string
}

type service struct {
	home     string
	provider *oidc.Provider
	oauth    oauth2.Config
	mutex    sync.Mutex
	sessions map[string]session // in memory for development: in production in a store that all processes share
}

func main() {
	redirect := os.Getenv("SIAPKERJA_REDIRECT_URI")
	provider, err := oidc.NewProvider(context.Background(), os.Getenv("SIAPKERJA_ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	at := &service{home: strings.TrimSuffix(redirect, "callback"), provider: provider, sessions: map[string]session{}, oauth: oauth2.Config{
		ClientID: os.Getenv("SIAPKERJA_CLIENT_ID"), ClientSecret: os.Getenv("SIAPKERJA_CLIENT_SECRET"),
		RedirectURL: redirect, Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}}
	at.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInHeader // client_secret_basic
	http.HandleFunc("GET /{$}", at.index)
	http.HandleFunc("GET /login", at.login)
	http.HandleFunc("GET /callback", at.callback)
	http.HandleFunc("POST /logout", at.logout)
	address, _ := url.Parse(at.home)
	log.Fatal(http.ListenAndServe(address.Host, nil))
}

// take returns the browser's session and forgets it: whoever signs in gets a new one.
func (at *service) take(r *http.Request, forget bool) session {
	cookie, err := r.Cookie("layanan")
	if err != nil {
		return session{}
	}
	at.mutex.Lock()
	defer at.mutex.Unlock()
	found := at.sessions[cookie.Value]
	if forget {
		delete(at.sessions, cookie.Value)
	}
	return found
}

func (at *service) keep(w http.ResponseWriter, kept session) {
	id := rand.Text()
	at.mutex.Lock()
	at.sessions[id] = kept
	at.mutex.Unlock()
	secure := strings.HasPrefix(at.home, "https:")
	http.SetCookie(w, &http.Cookie{Name: "layanan", Value: id, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode})
}

func (at *service) index(w http.ResponseWriter, r *http.Request) {
	page.Execute(w, at.take(r, false))
}

func (at *service) login(w http.ResponseWriter, r *http.Request) {
	pending := session{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	at.keep(w, pending)
	asked := at.oauth.AuthCodeURL(pending.State, oidc.Nonce(pending.Nonce), oauth2.S256ChallengeOption(pending.Verifier))
	http.Redirect(w, r, asked, http.StatusSeeOther)
}

func (at *service) callback(w http.ResponseWriter, r *http.Request) {
	pending := at.take(r, true)
	if pending.State == "" || r.FormValue("state") != pending.State || r.FormValue("error") != "" {
		http.Redirect(w, r, "/", http.StatusSeeOther) // the person said no, came back too late, or in another browser
		return
	}
	person, err := at.redeem(r.Context(), r.FormValue("code"), pending)
	if err != nil {
		http.Error(w, "Belum masuk", http.StatusBadRequest)
		return
	}
	at.keep(w, person)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (at *service) redeem(ctx context.Context, code string, pending session) (session, error) {
	tokens, err := at.oauth.Exchange(ctx, code, oauth2.VerifierOption(pending.Verifier))
	if err != nil {
		return session{}, err
	}
	raw, _ := tokens.Extra("id_token").(string)
	idToken, err := at.provider.Verifier(&oidc.Config{ClientID: at.oauth.ClientID}).Verify(ctx, raw)
	if err != nil {
		return session{}, err
	}
	// Name and e-mail are at userinfo, not in the ID token.
	told, err := at.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return session{}, err
	}
	if idToken.Nonce != pending.Nonce || told.Subject != idToken.Subject {
		return session{}, http.ErrAbortHandler
	}
	var claims struct{ Name string }
	err = told.Claims(&claims)
	return session{Sub: idToken.Subject, Name: claims.Name, Email: told.Email, IDToken: raw}, err
}

func (at *service) logout(w http.ResponseWriter, r *http.Request) {
	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if err := at.provider.Claims(&metadata); err != nil {
		http.Error(w, "Coba lagi", http.StatusInternalServerError)
		return
	}
	asked := url.Values{"id_token_hint": {at.take(r, true).IDToken}, "post_logout_redirect_uri": {at.home}}
	http.Redirect(w, r, metadata.EndSession+"?"+asked.Encode(), http.StatusSeeOther)
}
