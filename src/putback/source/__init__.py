"""Text in: which files, which settings, which text, and whether a file can matter at all.

Knows nothing of databases: needles and rules come in as data. Deliberately absent: any judgement.
"""
