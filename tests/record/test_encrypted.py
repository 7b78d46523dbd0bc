"""What is encrypted is not filed, and each recipient of ours is told so, once."""

from mail.deciphering import says_encrypted
from mail.mime import walk
from record.encrypted import SUBJECT, TellEncrypted
from tests.support.record_world import World, mail

SECRET = (
    b"From: x@y.test\r\nSubject: [...]\r\nMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime;"
    b" smime-type=%s; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\nMIAGCSq=\r\n"
)


def telling(world: World) -> TellEncrypted:
    return TellEncrypted(world.db, world.keyring, world.letters, world.post, world.desk.id)


def test_each_recipient_of_ours_is_told_once(world: World) -> None:
    to = (world.address("pharmacie.1"), world.patient_address, world.address("inconnu"), world.address("dossier"))
    message_id = world.deliver(SECRET % b"authEnveloped-data", sender=world.address("dr.aubin"), to=to)
    telling(world)(message_id)
    telling(world)(message_id)
    assert [letter.recipients for letter in world.post.letters] == [(to[0],), (to[1],)]
    letter = world.post.letters[0]
    assert letter.subject == SUBJECT and "dr.aubin@demo.mssante.test" in letter.text
    assert letter.in_reply_to == "<m1@demo.mssante.test>" and "classées" in letter.text


def test_a_message_that_is_gone_is_no_failure(world: World) -> None:
    telling(world)(42)
    assert world.post.letters == []


def test_which_messages_are_encrypted() -> None:
    for kind in (b"enveloped-data", b"authEnveloped-data", b'"AuthEnveloped-Data"'):
        assert says_encrypted(walk(SECRET % kind))
    for raw in (SECRET % b"signed-data", SECRET % b"compressed-data", mail(), SECRET.replace(b" smime-type=%s;", b"")):
        assert not says_encrypted(walk(raw))
