"""The searchable index of items, ``items.parquet``: written, read, searched."""
