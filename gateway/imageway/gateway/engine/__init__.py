"""The engine: one request through route, attempts and fallback, told to observers. No framework in here."""
