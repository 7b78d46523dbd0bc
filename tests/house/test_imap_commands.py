"""IMAP has a file per command."""

from collections import defaultdict

from mail.imap.dispatch import RULES


def test_no_two_commands_share_a_file():
    handlers = defaultdict(set)
    for rule in RULES.values():
        handlers[rule.handler.__module__].add(rule.handler.__name__)
    assert not {module: names for module, names in handlers.items() if len(names) > 1}
