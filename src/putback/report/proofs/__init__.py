"""What `putback verify` has found out: as text for a terminal, and as one page of HTML."""
