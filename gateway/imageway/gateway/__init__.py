"""The gateway: an HTTP service that checks image requests, routes them to providers and counts what happens.

Floor 2: sees the contract and the providers. `app.create_app` is the only place that knows every part.
"""
