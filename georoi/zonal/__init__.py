"""Zonal statistics: partial results per ROI and cell, merged in cell order into tables."""
