"""French for the operator: a number with the word that it counts."""


def counted(number: int, one: str, many: str = "") -> str:
    """`1 salon`, `2 salons`; none is singular, as one is. `many` where more is added than an s."""
    return f"{number} {one if number < 2 else many or f'{one}s'}"
