"""An emergency from the command line to the patient's eyes: opened, told, listed, reviewed by somebody else."""

import pytest

from tests.support.flow import Flow

pytestmark = pytest.mark.slow

WHY = "Patiente inconsciente, allergies inconnues"


def test_opened_told_listed_and_reviewed(flow: Flow) -> None:
    patient, physician = flow.patient(), flow.physician["login"]
    operator = next(user["login"] for user in flow.info["users"] if user["role"] == "operator")
    flow.said.append(WHY)
    with pytest.raises(OSError, match="une phrase"):
        flow.pli("record", "glass", "open", "vite", "--by", physician, "--patient", patient["login"])
    opened = flow.pli("record", "glass", "open", WHY, "--by", physician, "--patient", patient["login"])
    number = opened["glass"]
    told = flow.until(lambda: flow.look(patient, subject="en urgence"), "the letter to the patient")
    assert told[0]
    for by in (operator, patient["login"]):
        (row,) = flow.pli("record", "glass", "list", "--json", "--by", by)
        assert (row["glass"], row["reason"], row["state"]) == (number, WHY, "to review")
    with pytest.raises(OSError, match="son propre"):
        flow.pli("record", "glass", "review", number, "justified", "--by", physician)
    with pytest.raises(OSError, match="professional"):
        flow.pli("record", "glass", "review", number, "justified", "--by", patient["login"])
    flow.pli("record", "glass", "close", number, "--by", physician)
    assert flow.pli("record", "glass", "review", number, "justified", "--by", operator)["state"] == "justified"
    assert flow.pli("record", "glass", "list", "--by", operator).strip() == "no emergency access"
    (row,) = flow.pli("record", "glass", "list", "--json", "--by", patient["login"])
    assert row["state"] == "justified"
    acts = [row["action"] for row in flow.pli("record", "trace", "--json", "--by", patient["login"])]
    assert [act for act in acts if act.startswith("glass.")] == [
        "glass.open",
        *["glass.show"] * 2,
        "glass.close",
        "glass.review",
        "glass.show",
    ]
    flow.assert_clean(WHY)
