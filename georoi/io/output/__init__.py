"""Images out: encoded in memory, written by one checked writer, whole or not at all."""
