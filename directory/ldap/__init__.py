"""LDAPv3 (RFC 4511), read only: the annuaire for mail clients and other programs."""
