"""What happens to a record: its nodes in their order, each with hooks before and after a call, code or a lot."""
