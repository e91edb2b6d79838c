"""Numbers for monitoring. `prometheus` and `otel` import the client library that they serve, `text` needs none.

The names are those of OpenTelemetry's semantic conventions for the pools of database clients, `db.client.connection.*`.
"""
