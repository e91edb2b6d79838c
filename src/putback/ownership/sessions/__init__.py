"""Scoped sessions: who uses a registry, and who cleans up after it."""
