"""Data sets made of a run's folder: derived from its journal, whole or partial, as often as one likes."""
