"""Best replies, rounds of retaliation, producer coalitions, buying clubs: searches over batched solves, never a solver."""
