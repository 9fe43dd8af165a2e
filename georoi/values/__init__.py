"""Values: frozen, valid from birth, free of open files."""
