"""The Beacon v2 default model: entry types, variation, filters, sets. Pure."""
