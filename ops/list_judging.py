"""What `pli trust check` does: reads list and anchors, and asks `directory.whitelist`."""

from pathlib import Path

from core.errors import BadInput, PliError
from core.settings import Settings
from crypto.trust import BadTrust
from crypto.xmldsig import XML_OCTETS
from directory.whitelist import ListRules, judge_list
from ops.cli.moment import moment
from ops.fetch import fetch
from ops.trust_list import KEPT, answer, load_anchors, rules_of, signer_dn


class CannotJudge(BadInput):
    """Something that is needed to judge cannot be read. One line, for the one who asked."""


def look_up(
    domains: list[str], listed: Path | None, anchors: Path | None, signer: str, at: str, home: Path
) -> list[dict[str, object]]:
    """One answer a domain, in order. Anchors that are given bring no signer of the instance's. Raises CannotJudge."""
    try:
        rules = ListRules(load_anchors(anchors)) if anchors else rules_of(Settings.load(home))
        if signer:
            rules = ListRules(rules.trust, signer_dn(signer))
        data = fetch(listed or home / KEPT, XML_OCTETS + 1)
        judged = judge_list(data, rules, moment(at))
    except OSError as error:
        raise CannotJudge(f"{error.filename}: {error.strerror}") from None
    except (PliError, BadTrust, ValueError) as error:
        raise CannotJudge(str(getattr(error, "public", error))) from None
    return [answer(domain, judged) for domain in domains]
