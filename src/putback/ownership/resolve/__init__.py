"""What is this expression: light types from names, imports, annotations, calls and what callers pass."""
