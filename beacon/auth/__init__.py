"""Identity and policy: what a caller may learn."""
