"""Asks other beacons: everything between a question and what all of them say to it."""
