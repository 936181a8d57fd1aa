"""The demo: invented people with believable genomes, diagnoses and families, from one seed."""

from beacon.demo.datasets import DemoDataset, DemoFiles, write_demo
from beacon.demo.test_mode import test_records

__all__ = ["DemoDataset", "DemoFiles", "test_records", "write_demo"]
