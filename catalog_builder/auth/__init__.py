"""Logins, tokens and S3 keys: where they come from, and where they may go.

Owns the user's login (``login``), its exchange for a token (``earthdata``) and for S3 keys that
renew themselves (``s3_credentials``), the rule that a refused login is not sent twice
(``login_attempts``), the hosts that a login may go to (``trusted_hosts``), the removal of secrets
from logs (``redaction``), and the AWS region of this machine (``region``).

May import ``errors``, ``forks`` and ``transport``.

Public names: ``Login``, ``HandedToken``, ``bearer_token``, ``send_token``, ``LoginSession``,
``CredentialProvider``, ``find_credentials``, ``is_trusted``, ``require_trusted``, ``redact_logs``,
``machine_region``.
"""
