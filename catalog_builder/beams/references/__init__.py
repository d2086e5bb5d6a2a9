"""Where the bytes of a beam lie in its granule."""
