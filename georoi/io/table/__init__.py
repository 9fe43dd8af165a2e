"""Tables out: rows with or without geometry, encoded in memory or scratch, whole or not at all."""
