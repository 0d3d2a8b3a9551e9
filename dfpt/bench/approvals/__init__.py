"""``dfpt bench approvals``: many people decide at once, and the registry stays one story."""
