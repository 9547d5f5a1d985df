"""The contact sheet of a run: one HTML file to look through, mark rejects in and mail."""
