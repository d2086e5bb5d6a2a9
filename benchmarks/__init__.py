"""How long openers of ATL03 beams take, and what they fetch: `make bench`."""
