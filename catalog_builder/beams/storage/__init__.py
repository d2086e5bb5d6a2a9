"""A granule over S3, over HTTPS, or on disk."""
