"""How a schema of ours is known from another that is called alike."""

MARK = "Pli: annuaire"  # its comment
