"""Ready endpoints. Each module here imports the framework it serves, and nothing else does."""
