"""When a patient may want to come: what a tap chooses. The day is written out: "demain" is another day tomorrow."""

from datetime import datetime, timedelta, tzinfo

from portal.language import N_
from portal.words import weekday

LATE = 17  # o'clock: from then on nobody is offered the end of the same day


def moments(now: datetime, zone: tzinfo) -> tuple[tuple[str, str], ...]:
    """What the button says, and what the pharmacy will read, in French."""
    local = now.astimezone(zone)
    today, tomorrow = (weekday(local + timedelta(days=days)) for days in (0, 1))
    evening = ((N_("Aujourd'hui, fin de journée"), f"{today}, en fin de journée"),) if local.hour < LATE else ()
    return (
        (N_("Dès que possible"), "dès que possible"),
        *evening,
        (N_("Demain matin"), f"{tomorrow}, le matin"),
        (N_("Demain après-midi"), f"{tomorrow}, l'après-midi"),
    )
