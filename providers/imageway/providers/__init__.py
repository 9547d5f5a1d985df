"""Providers: connections to image services, the registry that checks every request, and the catalogue of models.

Floor 1: sees the contract only. A provider of your own is one module and one entry point; see `providers/README.md`.
"""
