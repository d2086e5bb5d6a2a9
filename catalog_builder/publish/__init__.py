"""Publishes a catalog's folder: to a bucket of S3, GCS or Azure, or to another folder.

It uploads what changed since the last time, files before the pages that name them, and removes
last what is gone. May import all rooms but ``commands`` and ``cli``.
"""
