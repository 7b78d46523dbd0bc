"""The place that a line of each extraction speaks of."""

from directory.edition.card import Place
from directory.extracts import finess, mssante, rpps


def place_of_row(row: mssante.Row) -> Place:
    return Place(row.postcode, row.city, row.department, row.structure_name, row.structure_id, row.line4)


def place_of_activity(activity: rpps.Activity) -> Place:
    street = " ".join(part for part in (activity.number, activity.repeat, activity.way, activity.street) if part)
    return Place(activity.postcode, activity.commune, activity.department, activity.structure_name,
                 activity.structure_id, street, activity.phone)  # fmt: skip


def place_of_establishment(row: finess.Establishment) -> Place:
    street = " ".join(part for part in (row.number, row.way, row.street) if part)
    return Place(row.postcode, row.city, row.department, row.name, row.structure_id, street, row.phone)
