"""What `pli demo` says at its end: `--json` each step and its time, else how to log in to the chat."""

import json
from dataclasses import asdict
from typing import Any

from ops.demo.stage import Stage


def report(stages: list[Stage], made: float) -> str:
    """One JSON object. `made`: when the instance was there, in seconds since the process began."""
    mail, chat = stages
    steps = [*mail.steps, *chat.steps]
    whole = {"ok": all(step.ok for step in steps), "steps": [asdict(step) for step in steps]}
    whole["seconds"] = _spent(mail)
    if chat.steps:
        whole["chat_seconds"] = _spent(chat)  # side by side with the mail's
    ends = {"made": made, "mail_done": mail.ended, "chat_done": chat.ended}
    whole["since_start"] = {name: round(at, 3) for name, at in ends.items() if at}
    return json.dumps(whole, ensure_ascii=False)


def logins(matrix: dict[str, Any]) -> str:
    """How to log in with Element or another Matrix client; `matrix` is that part of demo.json."""
    lines = [
        f"Messagerie instantanée. Dans Element : « Se connecter », serveur {matrix['url']} (« Modifier »),",
        "l'identifiant et le code à la place du mot de passe :",
    ]
    return "\n".join(
        [*lines, *(f"  {user['role']:<11} {user['user_id']}  {user['password']}" for user in matrix["users"])]
    )


def _spent(stage: Stage) -> float:
    return round(sum(step.ms for step in stage.steps) / 1000, 3)
