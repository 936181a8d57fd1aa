"""Memory: a source that answers from plain records, and so says what right answers are."""

from beacon.memory.rows import MemoryDataset
from beacon.memory.store import MemoryStore

__all__ = ["MemoryDataset", "MemoryStore"]
