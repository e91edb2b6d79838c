"""Who makes engines, pools and connections, what becomes of them, and how often that happens."""
