"""What one listing of granules has that another has not."""
