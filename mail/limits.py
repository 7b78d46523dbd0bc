"""Each number that the mail room obeys, with its section. A number anywhere else needs a reason beside it.

Sizes are octets, times are seconds, unless the name says otherwise. Where a standard names a minimum that we must
accept, ours is at least that; where it names none, the figure of a well-kept public server is taken and named.
"""

from typing import Final

# --- SMTP, RFC 5321 --------------------------------------------------------------------------------------------------
COMMAND_LINE: Final = 2048  # §4.5.3.1.4 asks for 512 and more for extensions; Postfix's line_length_limit
TEXT_LINE: Final = 1000  # §4.5.3.1.6, with CRLF
LOCAL_PART: Final = 64  # §4.5.3.1.1
DOMAIN: Final = 255  # §4.5.3.1.2
PATH: Final = 256  # §4.5.3.1.3, with the angle brackets
RECIPIENTS: Final = 100  # §4.5.3.1.8: accept at least this many
RECIPIENTS_CEILING: Final = 1000  # what the setting may raise it to; Postfix smtpd_recipient_limit
RECIPIENTS_OVERSHOOT: Final = 1000  # named beyond those, then 421; Postfix smtpd_recipient_overshoot_limit
HOPS: Final = 50  # §6.3 asks for at least 100 Received or another loop check; Postfix hopcount_limit
COMMAND_WAIT_S: Final = 300  # §4.5.3.2.7
DATA_BLOCK_WAIT_S: Final = 180  # §4.5.3.2.5: between two blocks of DATA
DATA_MIN_RATE: Final = 500  # octets a second, Postfix smtpd_min_data_rate; slower and the deadline passes
CONNECTIONS_PER_CLIENT: Final = 50  # Postfix smtpd_client_connection_count_limit
JUNK_COMMANDS: Final = 100  # NOOP, RSET, VRFY… without a mail, Postfix smtpd_junk_command_limit
HARD_ERRORS: Final = 20  # 5yz answers, then 421; Postfix smtpd_hard_error_limit
MESSAGE_OCTETS: Final = 25 * 1024 * 1024  # RFC 1870 SIZE; §4.5.3.1.7 asks for at least 64 KiB

# --- Messages, RFC 5322 and RFC 2045 to 2049 -------------------------------------------------------------------------
HEADER_OCTETS: Final = 102_400  # one header block; Postfix header_size_limit
ADDRESS_TOKENS: Final = 10_240  # in one address list; Postfix header_address_token_limit
MIME_DEPTH: Final = 32  # Postfix mime_nesting_limit is 100; no honest message passes 10, and IMAP readers recurse
MIME_PARTS: Final = 1000  # delimiter lines looked at in one message, whether they open a part or only resemble one
PARAMETERS: Final = 100  # in one Content-Type or Content-Disposition, RFC 2231 pieces counted one by one
BOUNDARY_WRITTEN: Final = 70  # RFC 2046 §5.1.1: what we write
BOUNDARY_READ: Final = 2048  # what we still understand; Postfix mime_boundary_length_limit
ENCODED_WORDS: Final = 2048  # decoded in one header field; the rest is shown as it stands. RFC 2047 §2
DECODED_OCTETS: Final = 64 * 1024 * 1024  # one body part after its transfer encoding is undone
FILENAME_OCTETS: Final = 200  # of UTF-8; file systems stop at 255 and callers add a prefix

# --- IMAP, RFC 3501, RFC 9051 and extensions -------------------------------------------------------------------------
IMAP_LINE_BEFORE_LOGIN: Final = 8192  # a whole command with its literals; RFC 7162 §4 names this figure
IMAP_LINE: Final = 65_536  # RFC 7162 §4: at least 8192; long UID lists of real clients fit
IMAP_LITERALS: Final = 32  # in one command; each counts into the line, only an appended message does not
IMAP_TAG: Final = 128
IMAP_NESTING: Final = 32  # parentheses in one another
IMAP_SEARCH_KEYS: Final = 256  # in one SEARCH
IMAP_SEARCH_DEPTH: Final = 64  # OR, NOT and parentheses in one another; clients write long chains of OR
IMAP_SEARCH_TEXT: Final = 1024  # one search string
IMAP_SEARCH_OCTETS: Final = (
    4 * 1024 * 1024
)  # text of one message, as it came, that BODY and TEXT look at; of headers, too
IMAP_LOST_NAMES: Final = 1000  # subscribed names of a mailbox whose folders are gone
IMAP_SEQUENCE_RANGES: Final = 10_000  # in one sequence set
IMAP_FLAGS: Final = 64  # in one flag list
IMAP_FLAG: Final = 64
IMAP_FETCH_ITEMS: Final = 64
IMAP_HEADER_NAMES: Final = 256  # in one HEADER.FIELDS
IMAP_MAILBOX: Final = 512  # a mailbox name on the wire
IMAP_MAILBOX_LEVELS: Final = 16
IMAP_PATTERNS: Final = 16  # RFC 5258 §3: patterns of one LIST
IMAP_ID_FIELDS: Final = 30  # RFC 2971 §3.3
IMAP_ID_NAME: Final = 30  # RFC 2971 §3.3
IMAP_ID_VALUE: Final = 1024  # RFC 2971 §3.3
IMAP_APPEND_OCTETS: Final = MESSAGE_OCTETS  # RFC 7889: the same message must pass both doors
IMAP_APPEND_MESSAGES: Final = 128  # of one APPEND, RFC 3502: small ones wait in memory for the last
IMAP_SORTED: Final = 50_000  # messages that SORT and THREAD put in order; RFC 5530 §3 LIMIT beyond
IMAP_REFERENCES: Final = 64  # Message-IDs of one References field that THREAD follows
IMAP_AUTH_LINE: Final = 12_288  # RFC 4954 §4: base64 answer of a SASL exchange, the initial one too
IMAP_IDLE_S: Final = 1800  # RFC 3501 §5.4: not less than 30 minutes; RFC 2177: the client renews at 29
IMAP_BEFORE_LOGIN_S: Final = 180  # Dovecot's figure
IMAP_BAD_COMMANDS: Final = 20  # BAD answers in a row, then BYE
IMAP_INDEX_ROWS: Final = 1_000_000  # of all folders whose flags are kept in memory, 44 octets each
IMAP_KEPT_INDEX_LEAST: Final = 2000  # messages of a folder whose index is kept in a row, some 40 octets each
IMAP_KEPT_INDEX_NEWER: Final = 1000  # changed since it was kept: then it is kept anew
IMAP_MEMORY_OCTETS: Final = 64 * 1024 * 1024  # of opened envelopes and headers kept in memory, never on the disk
IMAP_PACK_MESSAGES: Final = 256  # of one sealed pack: opening it costs about what opening eight messages costs
IMAP_PACK_LEAST: Final = 64  # newer messages that wait before they are gathered
IMAP_PACK_TEXT: Final = 256 * 1024  # decoded text of one message in a pack; SEARCH opens those that have more
IMAP_PACK_OCTETS: Final = 8 * 1024 * 1024  # of decoded text in one pack
