"""The command line: one file a command, each parses its options, calls the layer below and reports.

click lives here. Deliberately absent: any knowledge of Python code or databases.
"""
