"""What every answer shares: pages, forms, headers, cookies, errors and metrics."""
