"""A name server of our own on loopback, for one test."""

import asyncio
from dataclasses import dataclass, field

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """`zone`: "name TYPE" → texts; names that occur nowhere do not exist, `broken` ones get SERVFAIL."""

    zone: dict[str, list[str]]
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def start(self) -> int:
        """On a free port."""
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        return self.transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple) -> None:
        query = dns.message.from_wire(data)
        answer, question = dns.message.make_response(query), query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(f"{name} {kind}")
        texts = self.zone.get(f"{name} {kind}")
        if name in self.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif texts:
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, texts))
        elif not any(key.split(" ")[0] == name for key in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)
