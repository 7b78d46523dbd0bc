"""A prescription's bytes → proposed lines, by text layer, structure or pictures read by machine. Never a decision."""
