"""One file per public extraction: a pure function from a line to an entry or to a rejection."""
