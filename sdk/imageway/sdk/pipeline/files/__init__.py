"""Files that are there whole or not at all, their names, and what pictures' bytes say of themselves."""
