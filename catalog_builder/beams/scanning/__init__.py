"""What lies where in a granule: scanned once, for its references."""
