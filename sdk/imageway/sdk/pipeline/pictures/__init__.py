"""Pictures as data have them into inputs of a request: read, fetched, mended where the task says so."""
