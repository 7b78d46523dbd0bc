"""Who may ask the annuaire by LDAP, where passwords are not what is tried."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Anybody:
    role: str = "physician"


class LetsIn:
    """Every password fits."""

    async def password(self, login: str, password: str, peer: str = "") -> Anybody:
        return Anybody()
