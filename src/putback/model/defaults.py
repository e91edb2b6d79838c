"""Values that must be known before anything else is imported."""

DEFAULT_EXCLUDE = (
    ".git",
    ".hg",
    ".svn",
    ".venv",
    "venv",
    "node_modules",
    "__pycache__",
    "__pypackages__",
    ".tox",
    ".nox",
    ".eggs",
    ".direnv",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".putback_cache",
    "site-packages",
    "build",
    "dist",
)
CONFIG_FILES = ("putback.toml", ".putback.toml")
PROJECT_FILE = "pyproject.toml"
LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock")
"""What settles which version of a package a project runs on, the first that is there."""
REQUIREMENTS = ("requirements", ".txt")
"""How the names of files that list packages begin and end."""
