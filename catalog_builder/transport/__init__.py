"""One policy for every request: sessions, retries, proxies, certificates, limits."""
