"""The groups of settings for orders and for what is told outside of them, as `core.setting_groups` has the others."""

from typing import Literal

from pydantic import Field

from core.setting_groups import Group, Port, Positive


class Orders(Group):
    expiry_days: Positive = Field(
        default=30, description="An order that nobody moved for so long expires. Our default."
    )
    hooks_inside: bool = Field(
        default=False,
        description="A pharmacy's software may be called at private addresses and by http, too. In the demo it may.",
    )


class Notices(Group):
    """Everyday e-mail to those who asked for it: that something came, never what."""

    host: str = Field(default="", description="SMTP smart host for notices outside of the trusted space. Empty: none.")
    port: Port = Field(default=587, description="Port of the smart host.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection to it is protected; none is for the loopback."
    )
    user: str = Field(default="", description="Our login there. Empty: none is asked for.")
    password: str = Field(default="", repr=False, description="Our password there.")
    sender: str = Field(default="ne-pas-repondre@localhost", description="From address of notices.")
    quiet_minutes: Positive = Field(
        default=10, description="At most one notice to a mailbox in so long; what comes meanwhile is told after it."
    )
    link: str = Field(default="", description="Address of the pages as it stands in notices. Empty: no link.")
