"""A granule as a STAC Item, and the files of a static catalog."""
