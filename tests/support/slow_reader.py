"""RFC 5321's end of data, read as it is written there, one octet at a time: what the real reader has to agree with."""

from mail.data_reader import Bounds

BOUNDS = Bounds(message=400, header=60, line=40)


def reference(data: bytes) -> tuple[bytes | None, bytes] | None:
    """(message, or None when it is refused; what follows), None while the end has not come. One octet at a time."""
    at = (b"\r\n" + data).find(b"\r\n.\r\n")
    if at < 0:
        return None
    body, rest = data[:at], data[at + 3 :]
    clean = body.replace(b"\r\n", b"")
    if b"\r" in clean or b"\n" in clean or b"\0" in clean:
        return None, rest
    lines = [line[1:] if line.startswith(b".") else line for line in body.split(b"\r\n")]
    message = b"\r\n".join(lines)
    header_lines = message.split(b"\r\n\r\n")[0] if not message.startswith(b"\r\n") else b""
    header = len(header_lines) + 4 if b"\r\n\r\n" in message and header_lines else len(header_lines)
    if header_lines == b"" and message.startswith(b"\r\n"):
        header = 2
    fits = (
        len(message) <= BOUNDS.message
        and header <= BOUNDS.header
        and all(len(line) + 2 <= BOUNDS.line for line in lines)
    )
    return (message if fits else None), rest
