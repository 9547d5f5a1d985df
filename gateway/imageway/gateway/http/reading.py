"""What may be looked at may also be asked for without its body, as load balancers and caches do."""

from litestar.enums import HttpMethod

__all__ = ("READING",)

READING = (HttpMethod.GET, HttpMethod.HEAD)
"""The server leaves the body of an answer to HEAD out by itself."""
