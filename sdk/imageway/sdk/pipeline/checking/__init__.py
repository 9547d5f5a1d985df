"""What can be known of a run before it spends: its parameters, its records, and what it would cost."""
