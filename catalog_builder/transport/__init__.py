"""One policy for every request: sessions, retries, proxies, certificates, limits of an answer.

Owns which addresses are opened (``location``), the session that sends requests (``session``), when
they are sent again (``retries``), what the environment says of proxies and certificates
(``environment``, for the S3 libraries ``s3_options``, for what intake reads ``fsspec_http``),
and files behind a URL, whole or by range (``web_files``, ``stored_files``).

May import ``errors``, ``forks`` and ``_version``.

Public names: ``Location``, ``PlainSession``, ``WebFiles``, ``web_files``, ``StoredFiles``,
``retries``, ``repeat``, ``TransientError``, ``environment_proxies``, ``environment_certificates``,
``origin``, ``is_loopback``, ``reason``.
"""
