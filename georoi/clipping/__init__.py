"""Clips and masks: what is kept of the pixels inside ROIs."""
