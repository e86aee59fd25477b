"""What two routers may do differently: ports that both had to draw.

A drawn port is one that Linux did not keep, or was told to take at random. The other side's has to come from the same
range, stays the same while Linux's stays the same, and belongs to one port of Linux's.
"""

import re
import socket
from dataclasses import dataclass, field

import nat_fields as fields
from nat_fields import ICMP, ICMP6, TCP, UDP

SMALL = 100  # of ranges with fewer ports the same one may be drawn twice, or the one that was there
SOURCE, DESTINATION = 0, 1


def usual_range(protocol, port):
    """From which Linux draws where no rule says it: nf_nat_l4proto_unique_tuple()."""
    if protocol in (ICMP, ICMP6):
        return 0, 65535
    return (1, 511) if port < 512 else (600, 1023) if port < 1024 else (1024, 65535)


@dataclass(frozen=True)
class Rule:
    """Of which translated packets it may be, and the ports that it says; None: the usual ones."""

    which: int
    protocol: int = None
    addresses: tuple = None  # (lowest, highest); None: any
    ports: tuple = None

    def may_be(self, which, protocol, address):
        return which == self.which and self.protocol in (None, protocol) and \
            (self.addresses is None or self.addresses[0] <= address <= self.addresses[1])


def limits_of(text, whole=lambda one: one):
    low, _, high = text.partition("-")
    return whole(low), whole(high or low)


def raw(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def to_of(text):
    """(addresses, ports) of what SNAT or DNAT translates to."""
    found = re.fullmatch(r"\[(\S+)\]:(\S+)|(\d+\.[\d.-]+):(\S+)|(\S+)", text)
    addresses, ports = found[1] or found[3] or found[5], found[2] or found[4]
    return limits_of(addresses, raw), limits_of(ports.partition("/")[0], int) if ports else None


def rules_of(text):
    """Those that translate sources, and those that translate destinations to ports taken at random."""
    for words in re.findall(r"^-A (.*-j (?:SNAT|MASQUERADE|NETMAP|DNAT|REDIRECT).*)", text, re.M):
        protocol = {"tcp": TCP, "udp": UDP}.get((re.search(r"(?<!! )-p (\w+)", words) or [None, None])[1])
        to = re.search(r"--to-(?:source|destination) (\S+)", words)
        addresses, ports = to_of(to[1]) if to else (None, None)
        if found := re.search(r"--to-ports (\S+)", words):
            ports = limits_of(found[1], int)
        if "-j DNAT" in words or "-j REDIRECT" in words:
            if "--random" in words and ports:
                yield Rule(DESTINATION, protocol, addresses, ports)
        else:
            yield Rule(SOURCE, protocol, addresses, ports)


def size(limits):
    return limits[1] - limits[0] + 1


@dataclass
class Draws:
    """The ports of one rule set that were drawn so far; `refused` says why the last pair was not taken for drawn."""

    text: str
    pairs: dict = field(default_factory=dict)  # (protocol, address, Linux's port): the other's ports
    back: dict = field(default_factory=dict)
    last: dict = field(default_factory=dict)  # (connection, which port): (Linux's, the other's)
    refused: str = ""

    def __post_init__(self):
        self.rules = list(rules_of(self.text))

    def limits(self, protocol, address, which, port, before, untouched):
        """The ranges that Linux's port may be drawn from; the address is that of the port, `untouched` if it was before."""
        usual = usual_range(protocol, before) if which == SOURCE else None
        found = {rule.ports if rule.ports and protocol in (TCP, UDP) else usual for rule in self.rules
                 if rule.may_be(which, protocol, address)} | {usual if untouched or not address else None}
        found = {one for one in found if one and one[0] <= port <= one[1]}
        least = min(found, key=size, default=None)
        return {least} if least and size(least) < SMALL else found

    def drawn(self, protocol, address, which, ports, before, connection, untouched):
        """Whether both ports of a pair may be what their sides drew for a connection that came with the ports `before`."""
        a, b = ports
        name = f"port {a} of Linux, {b} of the other, for {before[0]}"
        limits = [one for one in self.limits(protocol, address, which, a, before[0], untouched) if size(one) > 1]
        large = all(size(one) >= SMALL for one in limits)
        if not any(one[0] <= b <= one[1] for one in limits):
            self.refused = f"{name}: to be drawn from {limits}"
        elif large and (a == before[0] or b == before[1]):
            self.refused = f"{name}: one of them was kept"
        elif self.last.get((connection, which), (None,))[0] == a and self.last[connection, which] != ports:
            self.refused = f"{name}: it was {self.last[connection, which]}"
        elif large and which == SOURCE and (self.pairs.get((protocol, address, a), b) != b or
                                                            self.back.get((protocol, address, b), a) != a):
            self.refused = f"{name}: known as {self.pairs.get((protocol, address, a))}, {self.back.get((protocol, address, b))}"
        else:
            return True
        return False

    def any(self):
        return bool(self.refused or self.last)

    def known(self, protocol, address, ports):
        return self.pairs.get((protocol, address, ports[0])) == ports[1] or ports in self.last.values()

    def note(self, protocol, address, which, ports, connection):
        self.pairs[protocol, address, ports[0]] = ports[1]
        self.back[protocol, address, ports[1]] = ports[0]
        self.last[connection, which] = ports

    def same_frame(self, sent, wanted, got):
        """Whether a frame of Linux's and one of the other's are the same but for ports that were drawn. `sent` are the
        frames that each was answered with: Linux's and the other's."""
        if wanted == got:
            return True
        here, there = fields.layers(wanted), fields.layers(got)
        if [(one.protocol, one.source, one.destination, one.ports) for one in here] != \
                [(one.protocol, one.source, one.destination, one.ports) for one in there]:
            return False
        patched, new = bytearray(got), []
        for number, layer in enumerate(here):
            for which in range(len(layer.ports)):
                ports = layer.value(wanted, which), layer.value(got, which)
                if ports[0] == ports[1]:
                    continue
                address = b"" if layer.protocol in (ICMP, ICMP6) else (layer.source, layer.destination)[which]
                if not self.known(layer.protocol, address, ports):
                    # Quoted: the host's own answer to what was sent just now, in a zone that its answers are not in.
                    if not self.new(sent, layer, which, ports, address, new):
                        return False
                fields.put(patched, there, number, layer.ports[which], ports[0])
        if fields.folded(patched, here) != fields.folded(wanted, here):
            return False
        for one in new:
            self.note(*one)
        return True

    def new(self, sent, layer, which, ports, address, new):
        """Whether the ports were drawn for what was sent just now."""
        before = [fields.layers(data) for data in sent]
        if not all(found and found[0].protocol == layer.protocol and len(found[0].ports) > which for found in before):
            return False
        connection = (layer.protocol, before[0][0].source, before[0][0].value(sent[0], SOURCE), before[0][0].destination,
                      before[0][0].value(sent[0], DESTINATION))
        came = [found[0].value(data, which) for found, data in zip(before, sent)]
        came_from = before[0][0].source
        untouched = not any(came_from) or address == (came_from, before[0][0].destination)[which]
        if not self.drawn(layer.protocol, address, which, ports, came, connection, untouched):
            return False
        new.append((layer.protocol, address, which, ports, connection))
        return True

    def same(self, sent, wanted, got):
        """The same of all that came out for a frame: [(port, frame)]."""
        if wanted == got:
            return True
        if sorted(port for port, _ in wanted) != sorted(port for port, _ in got):
            return False
        left = list(got)
        for port, data in wanted:
            match = next((at for at, (other, frame) in enumerate(left) if other == port and self.same_frame(sent, data, frame)), None)
            if match is None:
                return False
            del left[match]
        return True
