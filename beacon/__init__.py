"""A GA4GH Beacon v2 server for national genome projects."""

__version__ = "0.6.2"
