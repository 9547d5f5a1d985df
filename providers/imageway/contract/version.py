"""The version of the whole distribution, in the one place where the build and the running code both read it."""

__version__ = "0.1.0"
