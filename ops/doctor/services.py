"""Lights of what stands beside us: broker, antivirus, chat, keyring."""

import stat

from celery import Celery
from kombu.exceptions import OperationalError

from core.settings import Settings
from mail.antivirus import Clamd
from ops.keys import keyring_file
from portal.lights import Light

WAIT_S = 2.0


def broker(settings: Settings) -> list[Light]:
    """Does the broker take a connection?"""
    name, label = "broker", "Courtier de messages"
    if settings.worker.broker.startswith("memory:"):
        return [Light(name, label, "good", "Intégré au serveur.")]
    todo = "Démarrez RabbitMQ ou Redis : sans lui le travail se fait, mais avec quelques secondes de retard."
    try:
        with Celery(broker=settings.worker.broker, set_as_current=False).connection_for_write() as line:
            line.ensure_connection(max_retries=1, timeout=WAIT_S, interval_start=0.1)
    except (OperationalError, OSError):
        return [Light(name, label, "bad", "Il ne répond pas ; le balayage régulier prend le relais.", todo)]
    return [Light(name, label, "good", "Il répond.")]


def keyring(settings: Settings) -> list[Light]:
    """Who could read the keys?"""
    name, label = "keyring", "Trousseau de clés"
    if settings.keyring.pkcs11_module:
        return [Light(name, label, "good", "Les clés sont dans un module PKCS#11.")]
    path = keyring_file(settings.home)
    try:
        mode, locked = stat.S_IMODE(path.stat().st_mode), b"pli-keyring-2" in path.read_bytes()[:64]
    except OSError:
        return [Light(name, label, "bad", "Le fichier du trousseau est illisible.", "Rendez-le au compte du service.")]
    if mode & 0o077:
        return [Light(name, label, "bad", "D’autres comptes peuvent le lire.", "chmod 600 keyring.json")]
    if not locked and settings.production:
        todo = "Verrouillez-le : `pli keyring protect`, phrase donnée par systemd (LoadCredential)."
        return [Light(name, label, "warn", "Il n’est pas verrouillé par une phrase secrète.", todo)]
    return [Light(name, label, "good", "Verrouillé." if locked else "Lisible du seul compte du service.")]


def settled(settings: Settings) -> list[Light]:
    """Was everything set that only the administrator knows? A demonstration needs none of it."""
    name, label = "settings", "Réglages propres à l’exploitant"
    if not settings.production:
        return [Light(name, label, "off", "Démonstration : aucune identité réelle (environment).")]
    ours = {"record.desk": settings.record.desk, "relay.postmaster": settings.relay.postmaster}
    unset = [key for key, address in ours.items() if address.endswith(".test")]
    unset += ["listen.hostname"] if settings.listen.hostname == "localhost" else []
    if unset:
        todo = "Écrivez-les dans pli.toml, puis redémarrez."
        return [Light(name, label, "warn", f"Restent ceux de la démonstration : {', '.join(unset)}.", todo)]
    return [Light(name, label, "good", "Faits.")]


def antivirus(settings: Settings) -> list[Light]:
    """Does the scanner answer?"""
    name, label, where = "antivirus", "Antivirus", settings.antivirus.clamd
    if not where:
        todo = "Installez clamav-daemon et nommez-le (antivirus.clamd)."
        return [Light(name, label, "off", "Les pièces jointes ne sont pas analysées.", todo)]
    if not Clamd(where).ping():
        return [Light(name, label, "bad", "clamd ne répond pas.", "Redémarrez clamav-daemon.")]
    return [Light(name, label, "good", "clamd répond.")]
