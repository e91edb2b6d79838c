"""The version of putback, for what needs it without importing much."""

VERSION = "0.1.0"
