"""Invented medicines: an index to search, and the ministry's files to import."""

from pathlib import Path

from record.medicines import bdpm
from record.medicines.medicine import Medicine
from record.medicines.search import Index


def medicine(cis: int, label: str, **facts) -> Medicine:
    """With this label; anything else about it by name."""
    known = {"form": label.rpartition(", ")[2], "marketed": True, "holder": "LABO", "atc": "", "substances": ()}
    lists = {"conditions": (), "groups": (), "shortage": ()}
    return Medicine(str(cis), label, **(known | lists | facts))


INDEX = Index(
    [
        medicine(60000001, "XARELTO 20 mg, comprimé pelliculé", substances=("RIVAROXABAN",)),
        medicine(60000002, "XARELTO 15 mg, comprimé pelliculé", substances=("RIVAROXABAN",)),
        medicine(60000003, "XARELTO 15 mg + 20 mg, comprimé pelliculé", substances=("RIVAROXABAN",)),
        medicine(60000004, "LEVOTHYROX 75 microgrammes, comprimé sécable"),
        medicine(60000005, "LEVOTHYROX 175 microgrammes, comprimé sécable"),
        medicine(60000006, "METFORMINE TEVA 500 mg, comprimé pelliculé", substances=("CHLORHYDRATE DE METFORMINE",)),
        medicine(60000007, "METFORMINE TEVA 1000 mg, comprimé pelliculé"),
        medicine(60000008, "AUGMENTIN 500 mg/62,5 mg ADULTES, comprimé pelliculé"),
        medicine(60000009, "LOVENOX 4 000 UI (40 mg)/0,4 ml, solution injectable"),
        medicine(60000010, "DUROGESIC 25 microgrammes/heure, dispositif", conditions=("stupéfiants",)),
        medicine(60000011, "A 313 200 000 UI POUR CENT, pommade"),
        medicine(60000012, "BIAFINE, émulsion pour application cutanée", shortage=("Rupture de stock",)),
        medicine(60000013, "RISPERDAL 2,5 mg, comprimé"),
        medicine(60000014, "RISPERDAL 25 mg, comprimé", marketed=False),
        medicine(60000015, "DOLIPRANE 1000 mg, comprimé"),
        medicine(60000016, "DOLIPRANE 1000 mg, gélule"),
    ]
)


LINE = "{cis}\t{label}\tcomprimé\torale\tAutorisation active\tProcédure\tCommercialisée\t01/01/2000\t\t\t LABO\tNon"


def editions(folder: Path, count: int = 3, encoding: str = "utf-8", **extra: bytes) -> Path:
    """The ministry's files of `count` medicines in this folder; `more`: further octets of the first. Returns it."""
    rows = [LINE.format(cis=60000000 + n, label=f"INVENTÉ {n + 1} mg, comprimé") for n in range(count)]
    (folder / bdpm.MEDICINES).write_bytes("\r\n".join(rows).encode(encoding) + b"\r\n" + extra.get("more", b""))
    packs = [
        f"{60000000 + n}\t{4000000 + n}\tboîte de 30\tPrésentation active\tDéclaration de commercialisation\t01/01/2000"
        f"\t{3400930000000 + n}\toui\t65%\t1,00\t2,02\t1,02\t"
        for n in range(count)
    ]
    (folder / bdpm.PACKS).write_text("\n".join(packs))
    conditions = "\n".join(f"{60000000 + n}\tstupéfiants\r\r" for n in range(2)) + "\nnothing here\n"
    (folder / bdpm.CONDITIONS).write_bytes(conditions.encode("cp1252"))
    return folder


def silent(*_arguments: object) -> None:
    """Nobody watches."""
