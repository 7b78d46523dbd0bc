"""What is said about this product in mail about a patient, as `core.setting_groups` has the other groups."""

from pydantic import Field

from core.setting_groups import Group


class Sending(Group):
    product_reference: str = Field(
        default="",
        max_length=100,
        pattern=r"^[!-~]*$",
        description="Reference of this installation at convergence.esante.gouv.fr, sent as X-MSS-NIL with documents "
        "that clinicians send from the pages. Empty: the header is left out.",
    )
