"""Settlement: custody on the chain, the inbox, batches and withdrawals. Reads the journal, never the engine."""
