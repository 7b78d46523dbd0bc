"""What mail of this house says of this product, as `core.setting_groups` has the other groups."""

from pydantic import Field

from core.setting_groups import Group


class Sending(Group):
    product_reference: str = Field(
        default="",
        max_length=100,
        pattern=r"^[!-~]*$",
        description="Reference of this installation at convergence.esante.gouv.fr, said as X-MSS-NIL in every mail "
        "that this house writes. Empty: the header is left out.",
    )
