"""The demonstration's certificates: an authority marked as worthless, and what it issues."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crypto.authority import Authority
from crypto.identity import Identity
from ops.demo.cast import NEIGHBOUR, Player

CRL_DAYS = 3650  # the demonstration publishes no list, and must still run next year


@dataclass(frozen=True)
class Papers:
    """Where they are: `tls` for the listeners, `keys` for the players."""

    home: Path

    @property
    def tls(self) -> Path:
        return self.home / "tls"

    @property
    def keys(self) -> Path:
        return self.home / "keys"

    def of(self, stem: str) -> Identity:
        """A player's, or the neighbour's, certificate and key. Raises OSError."""
        return Identity.load(self.keys / f"{stem}.pem", self.keys / f"{stem}.key")

    def issue(self, players: tuple[Player, ...], others: dict[str, str], now: datetime) -> None:
        """Authority, server, one signing certificate for each player and other (stem → address), the neighbour's."""
        for folder in (self.tls, self.keys):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority = Authority.create("Pli, autorité de démonstration", now=now)
        authority.save(self.tls)
        authority.issue_server(["localhost", "127.0.0.1"], now=now).save(self.tls, "server")
        authority.issue_client("passerelle.pli", now=now, dns=["localhost"]).save(self.tls, "relay")
        (self.tls / "crl.pem").write_bytes(authority.crl_pem(now=now, days=CRL_DAYS))
        for player in players:
            authority.issue_smime(player.address, player.name, now=now).save(self.keys, player.stem)
        for stem, address in others.items():
            authority.issue_smime(address, stem, now=now).save(self.keys, stem)
        authority.issue_client(f"passerelle.{NEIGHBOUR}", now=now, dns=[NEIGHBOUR]).save(self.keys, "neighbour")
