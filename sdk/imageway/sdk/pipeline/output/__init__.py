"""What a run leaves beside its pictures, made anew from its journal, and whether all of it is there."""
