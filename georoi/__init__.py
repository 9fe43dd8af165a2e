"""Regions of interest in geospatial rasters."""

__version__ = "0.1.0"
