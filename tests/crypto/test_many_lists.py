"""The lists of a whole country: the validator is shown those that may speak of a path, and no other."""

from crypto.reading import folded
from crypto.trust import Trust
from tests.support.path_maker import authority
from tests.support.pki import NOW
from tests.support.revocation_maker import CA, DELTA, ELSEWHERE, INDIRECT, ROOT, SENT_ON, TOP, WHO, listed


def test_those_that_may_speak():
    """Reading three hundred lists for each message took eight seconds."""
    others = [authority(ROOT, f"Autre {number}") for number in range(20)]
    strangers = [listed(one, INDIRECT) for one in others] + [listed(one, DELTA, number=8) for one in others]
    lists = (TOP, listed(CA), listed(CA, DELTA, number=8), listed(ELSEWHERE, INDIRECT), *strangers)
    pinned = b"".join(one.certificate_pem for one in (CA, ELSEWHERE, *others))
    trust = Trust.load(ROOT.certificate_pem, pinned, lists)
    for who, expected in ((WHO, (CA, ROOT)), (SENT_ON, (CA, ROOT, ELSEWHERE))):
        path = trust.paths.find(who.certificate, NOW)
        assert trust.paths.list_issuers(path) == {folded(one.certificate.subject) for one in expected}
        trust.check_revocation(path, NOW)
