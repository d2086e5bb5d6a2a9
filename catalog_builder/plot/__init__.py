"""A beam as a picture."""
