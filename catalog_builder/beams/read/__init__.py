"""Bytes of a granule to arrays: plan, fetch, decode, select."""
