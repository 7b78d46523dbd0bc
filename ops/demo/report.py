"""What `pli demo --json` says: each step, and how long all of it took since the process began."""

import json
from dataclasses import asdict

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


def _spent(stage: Stage) -> float:
    return round(sum(step.ms for step in stage.steps) / 1000, 3)
