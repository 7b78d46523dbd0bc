"""On what somebody signed in, in two words of ours: families of browser and system, so that people know their devices
again. Nothing else of a User-Agent is kept. Pure."""

_LOOKED_AT = 400  # characters
_BROWSERS = (  # the first that is named: most of them name those they descend from, too
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("CrOS", "Chromebook"),
    ("Linux", "Linux"),
)


def device_of(user_agent: str) -> str:
    """Such as `Firefox, Windows`; empty where neither is known."""
    head = user_agent[:_LOOKED_AT]
    found = (next((said for sign, said in table if sign in head), "") for table in (_BROWSERS, _SYSTEMS))
    return ", ".join(each for each in found if each)
