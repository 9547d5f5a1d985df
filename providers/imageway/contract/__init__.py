"""What callers, gateway and providers agree on: requests, results, specs, the check, errors and the wire.

Floor 0: the standard library and msgspec, with PyYAML behind `document` for the files that people write.
"""
