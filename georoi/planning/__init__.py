"""Planning: which ROIs meet which blocks, before any pixel is read."""
