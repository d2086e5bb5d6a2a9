"""Logins, tokens and S3 keys: where they come from, and where they may go."""
