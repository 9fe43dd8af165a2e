"""Raster files in: what may be opened, what its header says, windows of its pixels."""
