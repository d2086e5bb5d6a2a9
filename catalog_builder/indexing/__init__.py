"""Scans granules and writes what it found into a catalog."""
