"""`pli doctor` says which settings a real installation still has from the demonstration."""

from pathlib import Path

from core.settings import Settings
from ops.doctor.services import settled

OURS = {"record": {"desk": "dossier@exemple.mssante.fr"}, "relay": {"postmaster": "postmaster@exemple.mssante.fr"}}


def test_what_is_left_from_the_demonstration_is_named(tmp_path: Path):
    (light,) = settled(Settings(home=tmp_path, environment="production"))
    assert light.state == "warn"
    assert all(key in light.says for key in ("record.desk", "relay.postmaster", "listen.hostname"))
    (light,) = settled(Settings(home=tmp_path, environment="production", **OURS))
    assert light.state == "warn" and "record" not in light.says and "listen.hostname" in light.says


def test_a_demonstration_and_a_whole_installation_need_nothing(tmp_path: Path):
    assert [each.state for each in settled(Settings(home=tmp_path))] == ["off"]
    whole = Settings(home=tmp_path, environment="production", listen={"hostname": "mss.exemple.fr"}, **OURS)
    assert [each.state for each in settled(whole)] == ["good"]
