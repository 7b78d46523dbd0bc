"""A CIP13 as a barcode that any pharmacy's software scans: EAN-13 (ISO/IEC 15420), drawn as SVG on the server."""

_L = ("0001101", "0011001", "0010011", "0111101", "0100011", "0110001", "0101111", "0111011", "0110111", "0001011")
_PARITY = ("LLLLLL", "LLGLGG", "LLGGLG", "LLGGGL", "LGLLGG", "LGGLLG", "LGGGLL", "LGLGLG", "LGLGGL", "LGGLGL")
_QUIET = 11  # modules of white on either side, §4.3.3


def is_ean13(code: str) -> bool:
    """Thirteen digits of which the last one checks."""
    if len(code) != 13 or not code.isascii() or not code.isdecimal():
        return False
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(code[:12]))
    return (10 - total % 10) % 10 == int(code[12])


def modules(code: str) -> str:
    """The 95 modules, 1 for a bar. `code` is a right EAN-13."""
    left = "".join(_digit(digit, kind) for digit, kind in zip(code[1:7], _PARITY[int(code[0])], strict=True))
    right = "".join(_inverse(_L[int(digit)]) for digit in code[7:])
    return f"101{left}01010{right}101"


def ean13(code: str) -> str:
    """SVG, one unit a module. Raises ValueError for anything but an EAN-13."""
    if not is_ean13(code):
        raise ValueError("not an EAN-13")
    bars, at = [], 0
    text = modules(code)
    while at < len(text):
        width = len(text[at:]) - len(text[at:].lstrip(text[at]))
        if text[at] == "1":
            bars.append(f'<rect x="{at + _QUIET}" y="0" width="{width}" height="40"/>')
        at += width
    whole = len(text) + 2 * _QUIET
    return (
        f'<svg class="ean" role="img" aria-label="Code-barres {code}" viewBox="0 0 {whole} 50" '
        f'xmlns="http://www.w3.org/2000/svg"><rect width="{whole}" height="50" fill="#fff"/>{"".join(bars)}'
        f'<text x="{whole / 2}" y="49" font-size="9" text-anchor="middle">{code}</text></svg>'
    )


def _digit(digit: str, kind: str) -> str:
    pattern = _L[int(digit)]
    return pattern if kind == "L" else _inverse(pattern)[::-1]


def _inverse(pattern: str) -> str:
    return pattern.translate(str.maketrans("01", "10"))
