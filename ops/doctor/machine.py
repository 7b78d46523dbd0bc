"""Lights of the machine: ports, certificates, lists, clock, disk, names, tools."""

import ctypes
import shutil
import socket
import ssl
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

from core.setting_groups import PortName
from core.settings import Settings
from crypto.validity import Unreadable, certificates_end, lists_end
from ops.doctor.words import counted
from portal.lights import Light

PORTS: dict[PortName, tuple[str, bytes]] = {
    "mx": ("SMTP entre opérateurs", b"220"),
    "submission": ("Envoi (STARTTLS)", b"220"),
    "submissions": ("Envoi (TLS)", b""),
    "imap": ("IMAP (STARTTLS)", b"* OK"),
    "imaps": ("IMAP (TLS)", b""),
    "http": ("Pages", b""),
}
WAIT_S = 2.0
DAYS_BAD, DAYS_WARN = 7, 30
FREE_BAD, FREE_WARN = 0.05, 0.15
NOT_IN_STEP = 5  # TIME_ERROR of adjtimex(2)


def ports(settings: Settings) -> list[Light]:
    """Does each listener greet?"""
    host = settings.listen.host
    return [
        _port(name, label, "127.0.0.1" if host == "0.0.0.0" else host, settings.listen.port(name), greets)  # noqa: S104
        for name, (label, greets) in PORTS.items()
    ]


def _port(name: str, label: str, host: str, port: int, greets: bytes) -> Light:
    key = f"port.{name}"
    try:
        with socket.create_connection((host, port), WAIT_S) as line:
            line.settimeout(WAIT_S)
            if name in ("submissions", "imaps"):
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                with context.wrap_socket(line) as inside:
                    inside.recv(4)
            elif greets and not line.recv(64).startswith(greets):
                return Light(key, label, "bad", f"Le port {port} répond, mais ce n’est pas Pli.", "Libérez ce port.")
    except OSError:
        todo = "Démarrez le serveur (`pli serve`), puis vérifiez le pare-feu."
        return Light(key, label, "bad", f"Le port {port} ne répond pas.", todo)
    return Light(key, label, "good", f"Le port {port} répond.")


def certificates(settings: Settings, now: datetime) -> list[Light]:
    """How many days each certificate has left."""
    wanted = (
        ("certificate.server", "Certificat du serveur", settings.certificate),
        ("certificate.authorities", "Autorités reconnues", settings.ca_file),
    )
    return [_certificate(name, label, path, now) for name, label, path in wanted]


def _certificate(name: str, label: str, path: Path, now: datetime) -> Light:
    renew = f"Déposez un certificat à jour dans {path.name}, puis redémarrez."
    try:
        days = (min(certificates_end(path.read_bytes())) - now).days
    except (OSError, Unreadable):
        return Light(name, label, "bad", f"{path.name} est absent ou illisible.", renew)
    if days < 0:
        return Light(name, label, "bad", f"Expiré depuis {-days} jours.", renew)
    says = f"Encore {days} jours."
    state = "bad" if days < DAYS_BAD else "warn" if days < DAYS_WARN else "good"
    return Light(name, label, state, says, "" if state == "good" else renew)  # type: ignore[arg-type]


def revocation(settings: Settings, now: datetime) -> list[Light]:
    """How old the revocation lists are."""
    name, label = "revocation", "Listes de révocation"
    path, todo = settings.crl_file, "Récupérez les listes de vos autorités (tâche planifiée) et déposez-les."
    if not path.exists():
        return [Light(name, label, "warn", "Aucune liste : un certificat révoqué ne serait pas reconnu.", todo)]
    try:
        found = lists_end(path.read_bytes())
    except (OSError, Unreadable):
        return [Light(name, label, "bad", f"{path.name} est illisible.", todo)]
    late = [due for _, due in found if due < now]
    if late:
        says = f"{counted(len(late), 'liste périmée', 'listes périmées')} : ces certificats sont refusés."
        return [Light(name, label, "bad", says, todo)]
    if not found:
        return [Light(name, label, "warn", f"{path.name} ne contient aucune liste.", todo)]
    oldest = now - min(made for made, _ in found)
    return [Light(name, label, "good", f"{counted(len(found), 'liste')}, la plus ancienne a {_age(oldest)}.")]


def clock() -> list[Light]:
    """Does the kernel say that the clock is in step?"""
    name, label = "clock", "Horloge"
    todo = "Activez la synchronisation (systemd-timesyncd ou chrony) : les signatures et les jetons en dépendent."
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        state = libc.adjtimex(ctypes.create_string_buffer(512))
    except (OSError, AttributeError):
        state = -1
    if state < 0:
        return [Light(name, label, "off", "Ce système ne dit pas si son horloge est à l’heure.")]
    if state == NOT_IN_STEP:
        return [Light(name, label, "warn", "L’horloge n’est pas synchronisée.", todo)]
    return [Light(name, label, "good", "L’horloge est synchronisée.")]


def disk(settings: Settings) -> list[Light]:
    """Room where the instance and its witness lie."""
    usage = shutil.disk_usage(settings.home)
    free = usage.free / usage.total
    says = f"{usage.free / 1e9:.1f} Go libres ({free:.0%})."
    state = "bad" if free < FREE_BAD else "warn" if free < FREE_WARN else "good"
    todo = "" if state == "good" else "Faites de la place ou agrandissez le disque : plein, les envois sont différés."
    return [Light("disk", "Disque", state, says, todo)]  # type: ignore[arg-type]


def reading() -> list[Light]:
    """Is there a program that reads pictures of prescriptions?"""
    name, label = "ocr", "Lecture des photos (OCR)"
    todo = "Installez tesseract-ocr et tesseract-ocr-fra."
    program = shutil.which("tesseract")
    if program is None:
        return [Light(name, label, "warn", "Tesseract est absent : les photos ne sont pas lues.", todo)]
    try:
        done = subprocess.run([program, "--list-langs"], capture_output=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return [Light(name, label, "warn", "Tesseract ne répond pas.", todo)]
    if b"fra" not in done.stdout.split():
        return [Light(name, label, "warn", "La langue française manque à Tesseract.", todo)]
    return [Light(name, label, "good", "Tesseract lit le français.")]


def _age(span: timedelta) -> str:
    return f"{span.days} jours" if span.days else f"{int(span.total_seconds() // 3600)} heures"
