"""A pool's numbers for monitoring. Each module here imports the client library that it serves, and nothing else does.

The names are those of OpenTelemetry's semantic conventions for the pools of database clients, `db.client.connection.*`.
"""
