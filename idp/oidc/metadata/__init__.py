"""What the provider tells clients about itself (OpenID Discovery, RFC 8414)."""
