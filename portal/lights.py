"""What the operator looks at: one light for each thing that can go wrong, in words that say what to do next."""

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "warn", "bad", "off"]


@dataclass(frozen=True, slots=True)
class Light:
    """`name` is fixed, for programs; `says` and `todo` are French sentences for the operator. `off`: not in use."""

    name: str
    label: str
    state: State
    says: str
    todo: str = ""


def worst(lights: tuple[Light, ...]) -> State:
    """The state of the whole."""
    states = {light.state for light in lights}
    return "bad" if "bad" in states else "warn" if "warn" in states else "good"
