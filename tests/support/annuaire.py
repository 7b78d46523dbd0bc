"""How tests import invented extracts of the national annuaire."""

from directory.importing import Rules

RULES = Rules(10, 5, frozenset({"patient.mssante.fr"}), "1.2.250.1.213.1.4.10")
