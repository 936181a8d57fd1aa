"""The audit trail: every access to data, one line each, in a chain that shows what was changed."""
