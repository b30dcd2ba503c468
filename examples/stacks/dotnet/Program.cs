// A service on ASP.NET Core: signs people in with SIAPkerja ID, greets them, and signs them out everywhere.
// dotnet add package Microsoft.AspNetCore.Authentication.OpenIdConnect
using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;

var builder = WebApplication.CreateBuilder(args);
var settings = builder.Configuration; // the variables of the environment are in it
var redirect = new Uri(settings["SIAPKERJA_REDIRECT_URI"]!);

builder.Services
    .AddAuthentication(options =>
    {
        options.DefaultScheme = CookieAuthenticationDefaults.AuthenticationScheme;
        options.DefaultChallengeScheme = OpenIdConnectDefaults.AuthenticationScheme;
    })
    .AddCookie(options => options.Cookie.Name = "layanan")
    .AddOpenIdConnect(options =>
    {
        options.Authority = settings["SIAPKERJA_ISSUER"];
        options.ClientId = settings["SIAPKERJA_CLIENT_ID"];
        options.ClientSecret = settings["SIAPKERJA_CLIENT_SECRET"];
        options.CallbackPath = redirect.AbsolutePath;
        options.RequireHttpsMetadata = redirect.Scheme == "https";
        options.ResponseType = "code"; // PKCE comes by itself
        options.ResponseMode = "query"; // a form post from another site would come without the Lax cookies
        options.Scope.Add("email"); // openid and profile are there already
        options.MapInboundClaims = false; // `sub` stays `sub`: the person for ever; name and e-mail can change
        options.GetClaimsFromUserInfoEndpoint = true; // name and e-mail are there, not in the ID token
        options.SaveTokens = true; // signing out shows the ID token
        options.SignedOutRedirectUri = "/";
        options.TokenValidationParameters.NameClaimType = "name";
        // post_logout_redirect_uri is the registered one, and not /signout-callback-oidc.
        options.Events.OnRedirectToIdentityProviderForSignOut = context =>
        {
            context.ProtocolMessage.PostLogoutRedirectUri = new Uri(redirect, "/").ToString();
            return Task.CompletedTask;
        };
    });
builder.Services.AddAuthorization();

var app = builder.Build();
app.UseAuthentication();
app.UseAuthorization();
app.MapGet("/", (ClaimsPrincipal person) => Results.Content(
    "<!doctype html><html lang=\"id\"><meta charset=\"utf-8\"><title>Layanan</title>" + (person.Identity?.IsAuthenticated == true
        ? $"<h1>Selamat datang, {WebUtility.HtmlEncode($"{person.Identity.Name} ({person.FindFirstValue("email")})")}</h1>"
            + "<form method=\"post\" action=\"/logout\"><button>Keluar</button></form>"
        : "<h1>Layanan</h1><p><a href=\"/login\">Masuk dengan SIAPkerja ID</a></p>"), "text/html"));
app.MapGet("/login", () => Results.Challenge(new AuthenticationProperties { RedirectUri = "/" }));
app.MapPost("/logout", () => Results.SignOut(
    authenticationSchemes: [CookieAuthenticationDefaults.AuthenticationScheme, OpenIdConnectDefaults.AuthenticationScheme]));
app.Run();
