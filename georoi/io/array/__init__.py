"""DataArrays as sources and as results."""
