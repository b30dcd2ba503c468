<?php
// In routes/web.php. `users` has a column `sub`, unique: string('sub')->unique().
use App\Models\User;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Auth;
use Illuminate\Support\Facades\Route;
use Laravel\Socialite\Facades\Socialite;

Route::get('/login', fn () => Socialite::driver('oidc')->enablePKCE()->scopes(['openid', 'profile', 'email'])->redirect());

Route::get('/callback', function (Request $request) {
    if ($request->has('error')) {
        return redirect('/'); // the person said no
    }
    $person = Socialite::driver('oidc')->enablePKCE()->user();
    // getId() is `sub`, the person for ever; name and e-mail can change: never match on the e-mail address.
    $user = User::updateOrCreate(['sub' => $person->getId()], ['name' => $person->getName(), 'email' => $person->getEmail()]);
    Auth::login($user);
    $request->session()->regenerate();
    return redirect('/');
});

Route::post('/logout', function (Request $request) {
    Auth::logout();
    $request->session()->invalidate();
    $asked = ['client_id' => config('services.oidc.client_id'), 'post_logout_redirect_uri' => url('/').'/'];
    return redirect()->away(config('services.oidc.base_url').'/logout?'.http_build_query($asked));
});
