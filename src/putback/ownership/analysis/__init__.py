"""What becomes of a connection in one function, and what the function does to its callers' connections: events,
states, transfer functions and summaries.
"""
