"""The demo: three countries of invented people with believable genomes and diagnoses."""

from beacon.demo.beacons import BEACONS, DemoBeacon, DemoSet
from beacon.demo.datasets import DemoDataset, write_beacon, write_demo
from beacon.demo.settings_files import NETWORK, write_settings
from beacon.demo.test_mode import test_records

__all__ = [
    "BEACONS",
    "NETWORK",
    "DemoBeacon",
    "DemoDataset",
    "DemoSet",
    "test_records",
    "write_beacon",
    "write_demo",
    "write_settings",
]
