"""`pli verify-data`: is everything that is kept still what was written?"""
