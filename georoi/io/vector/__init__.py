"""Vector files in: features read raw, one by one."""
