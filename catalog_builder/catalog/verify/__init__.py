"""Checks a published catalog as one who did not build it."""
