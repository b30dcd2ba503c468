<?php
// A service in plain PHP: signs people in with SIAPkerja ID, greets them, and signs them out everywhere.
require __DIR__.'/vendor/autoload.php';

use Jumbojett\OpenIDConnectClient;

$redirect = getenv('SIAPKERJA_REDIRECT_URI');
$home = substr($redirect, 0, -strlen('index.php'));
session_name('layanan');
session_set_cookie_params(['httponly' => true, 'samesite' => 'Lax', 'secure' => str_starts_with($home, 'https:')]);
session_start();

$siapkerja = new OpenIDConnectClient(getenv('SIAPKERJA_ISSUER'), getenv('SIAPKERJA_CLIENT_ID'), getenv('SIAPKERJA_CLIENT_SECRET'));
$siapkerja->setRedirectURL($redirect);
$siapkerja->addScope(['profile', 'email']);
$siapkerja->setCodeChallengeMethod('S256');

if (isset($_GET['login']) || isset($_GET['code']) || isset($_GET['error'])) {
    try {
        $siapkerja->authenticate(); // sends the browser away, and checks state, nonce and ID token when it comes back
        $person = $siapkerja->requestUserInfo(); // name and e-mail are here, not in the ID token
        if ($person->sub !== $siapkerja->getVerifiedClaims('sub')) {
            throw new RuntimeException('another person');
        }
        session_regenerate_id(true);
        // `sub` is the person for ever; name and e-mail can change.
        $_SESSION['person'] = ['sub' => $person->sub, 'name' => $person->name, 'email' => $person->email ?? ''];
        $_SESSION['id_token'] = $siapkerja->getIdToken();
    } catch (Exception $refused) {
        http_response_code(400);
        exit('Belum masuk. <a href="/index.php?login">Coba lagi</a>');
    }
    header("Location: $home");
    exit;
}
if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    $hint = $_SESSION['id_token'] ?? '';
    $_SESSION = [];
    session_destroy();
    $siapkerja->signOut($hint, $home);
}
$person = $_SESSION['person'] ?? null;
?>
<!doctype html><html lang="id"><meta charset="utf-8"><title>Layanan</title>
<?php if ($person) { ?>
<h1>Selamat datang, <?= htmlspecialchars("{$person['name']} ({$person['email']})") ?></h1>
<form method="post"><button>Keluar</button></form>
<?php } else { ?>
<h1>Layanan</h1><p><a href="/index.php?login">Masuk dengan SIAPkerja ID</a></p>
<?php } ?>
