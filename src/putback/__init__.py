"""putback finds database connections that are taken from a pool and not given back."""

from __future__ import annotations

__version__ = "0.1.0"
