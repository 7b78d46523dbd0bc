"""The trail's witness: signed checkpoints outside of the database, proofs, and what is forgotten in time."""
