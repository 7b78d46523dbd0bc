"""An edition of the annuaire: all that the extractions say, made to be searched; built beside the one in use."""
