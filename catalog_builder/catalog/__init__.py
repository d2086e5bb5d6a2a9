"""What lies where: from CMR records to a published STAC catalog."""
