"""Loading: files become records and alleles, and a release of a dataset."""
