<?php
// In config/services.php, after `composer require laravel/socialite kovah/laravel-socialite-oidc`.
return [
    'oidc' => [
        'base_url' => env('SIAPKERJA_ISSUER'),
        'client_id' => env('SIAPKERJA_CLIENT_ID'),
        'client_secret' => env('SIAPKERJA_CLIENT_SECRET'),
        'redirect' => env('SIAPKERJA_REDIRECT_URI'),
        'verify_jwt' => true,
    ],
];
