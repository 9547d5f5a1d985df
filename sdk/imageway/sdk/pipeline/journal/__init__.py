"""What runs have paid for and what became of their records: kept in SQLite, one run at a time per folder."""
