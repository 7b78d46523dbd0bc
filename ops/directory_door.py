"""The annuaire's LDAP door, wired: who may bind, what is found, which certificates are shown."""

import ssl

from directory.certificates import Certificates
from directory.ldap.finder import Finder
from directory.ldap.server import LdapServer, Limits
from directory.ldap.session import Door
from mail.encryption import certificate_of
from ops.wiring import App

PROFESSIONALS = frozenset({"physician", "pharmacist", "software", "operator"})


def ldap_server(app: App, tls: ssl.SSLContext) -> LdapServer:
    """A listener that is not listening yet."""
    settings = app.settings
    door = Door(
        Finder(app.annuaire, Certificates(app.db, app.keyring, certificate_of)),
        app.authenticator,
        PROFESSIONALS,
        settings.annuaire.ldap_entries,
        settings.annuaire.ldap_seconds,
        clear_loopback=settings.insecure_loopback,
    )
    return LdapServer(door, tls, Limits(settings.limits.connections, settings.limits.connections_per_client))
