"""Observers of the engine: metrics and logs."""
