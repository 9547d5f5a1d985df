"""The ledger: a call under an `Idempotency-Key` runs once; repeats join it or get the kept answer."""
