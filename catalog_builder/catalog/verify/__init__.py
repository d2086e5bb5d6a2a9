"""Verifies a published catalog as a reader finds it, in a folder or behind a URL.

Owns the checks and their report. May import ``catalog.build``, the rooms below it, and the
foundation. Public names: :func:`~.checks.verify`,
:class:`~.problems.VerifyReport`.
"""
