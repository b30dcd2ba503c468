package layanan;

import jakarta.servlet.http.HttpServletRequest;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.client.oidc.web.logout.OidcClientInitiatedLogoutSuccessHandler;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.client.web.DefaultOAuth2AuthorizationRequestResolver;
import org.springframework.security.oauth2.client.web.OAuth2AuthorizationRequestCustomizers;
import org.springframework.security.oauth2.core.oidc.user.OidcUser;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.csrf.CsrfToken;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.util.HtmlUtils;

/** A service on Spring Boot: signs people in with SIAPkerja ID, greets them, and signs them out everywhere. */
@SpringBootApplication
@RestController
public class Layanan {
    public static void main(String[] arguments) {
        SpringApplication.run(Layanan.class, arguments);
    }

    @Bean
    SecurityFilterChain security(HttpSecurity http, ClientRegistrationRepository clients) throws Exception {
        var requests = new DefaultOAuth2AuthorizationRequestResolver(clients, "/oauth2/authorization");
        // Spring sends no PKCE for a client with a secret unless it is told to.
        requests.setAuthorizationRequestCustomizer(OAuth2AuthorizationRequestCustomizers.withPkce());
        var everywhere = new OidcClientInitiatedLogoutSuccessHandler(clients);
        everywhere.setPostLogoutRedirectUri("{baseUrl}/");
        return http
            .authorizeHttpRequests(paths -> paths.requestMatchers("/", "/error").permitAll().anyRequest().authenticated())
            .oauth2Login(login -> login
                .authorizationEndpoint(at -> at.authorizationRequestResolver(requests))
                .loginPage("/oauth2/authorization/siapkerja")
                .defaultSuccessUrl("/", true)
                .failureUrl("/"))
            .logout(logout -> logout.logoutSuccessHandler(everywhere))
            .build();
    }

    /** `person.getSubject()` is the person for ever; name and e-mail can change. */
    @GetMapping(value = "/", produces = "text/html;charset=UTF-8")
    String home(@AuthenticationPrincipal OidcUser person, HttpServletRequest request) {
        var page = "<!doctype html><html lang=\"id\"><title>Layanan</title>";
        if (person == null) {
            return page + "<h1>Layanan</h1><p><a href=\"/oauth2/authorization/siapkerja\">Masuk dengan SIAPkerja ID</a></p>";
        }
        var token = (CsrfToken) request.getAttribute(CsrfToken.class.getName());
        var who = person.getFullName() + " (" + person.getEmail() + ")";
        return page + "<h1>Selamat datang, " + HtmlUtils.htmlEscape(who) + "</h1><form method=\"post\" action=\"/logout\">"
            + "<input type=\"hidden\" name=\"" + token.getParameterName() + "\" value=\"" + token.getToken() + "\">"
            + "<button>Keluar</button></form>";
    }
}
