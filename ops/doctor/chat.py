"""The chat's light: does the homeserver answer, is anything left unread or unsent?"""

from instant import status
from ops.doctor.words import counted
from ops.wiring import App
from portal.lights import Light

NAME, LABEL = "chat", "Messagerie instantanée"


def chat(app: App) -> list[Light]:
    """Off where it is not wanted."""
    if app.chat is None:
        return [Light(NAME, LABEL, "off", "Elle n’est pas activée.", "Activez-la : matrix.enabled = true.")]
    found = app.db.read(status.counts)
    if not app.chat.ready.is_set():
        why = app.chat.trouble or "le serveur Matrix ne répond pas"
        return [Light(NAME, LABEL, "bad", f"Arrêtée : {why}.", "Voyez HOME/matrix/start.log et homeserver.log.")]
    if found["without_key"]:
        text = f"{counted(found['without_key'], 'message illisible', 'messages illisibles')} : la clé est attendue."
        return [Light(NAME, LABEL, "warn", text, "Demandez aux personnes d’ouvrir leur logiciel, connectées.")]
    rooms, to_send = counted(found["rooms"], "salon"), counted(found["to_send"], "envoi")
    return [Light(NAME, LABEL, "good", f"Elle répond ; {rooms}, {to_send} en attente.")]
