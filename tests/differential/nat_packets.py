"""Random sequences for routers that translate: what is answered is what came out.

A step is drawn beforehand but for the addresses and ports that a router chose: those it takes from the View of what that
router let out. Left out, besides what filter_packets.py leaves out: what the router itself sends to itself.
"""

import socket
import struct
from dataclasses import dataclass, field

import filter_scene as scene
import nat_fields as fields
from filter_talks import Other, Ping, Tcp, Udp

PACKETS = 36
PUBLIC = range(1, 10)  # 203.0.113.N and 2001:db8:cb::N, whom no route leads to: there are only translations
HOST = 9  # as a port: what a program on the router heard


def public_address(v6, number):
    return f"2001:db8:cb::{number:x}" if v6 else f"203.0.113.{number}"


def text_of(raw):
    return socket.inet_ntop(socket.AF_INET6 if len(raw) == 16 else socket.AF_INET, raw)


@dataclass
class Seen:
    """A packet of a conversation as it came out."""

    port: int
    frame: bytes
    layer: fields.Layer

    def receiver(self):
        v6 = len(self.layer.source) == 16
        return scene.End(v6, self.port, text_of(self.layer.destination), ":".join(f"{byte:02x}" for byte in self.frame[:6]))

    def sender(self):
        return scene.End(len(self.layer.source) == 16, self.port, text_of(self.layer.source))

    def numbers(self):
        return [self.layer.value(self.frame, which) for which in range(len(self.layer.ports))]


@dataclass
class View:
    """What one router let out."""

    seen: dict = field(default_factory=dict)  # (conversation, who sent: 0 or 1)
    pieces: dict = field(default_factory=dict)

    def note(self, step, sent, found):
        """What came out for a packet of a conversation, if it was passed on."""
        source = fields.layers(sent)[0].source if sent else None
        for port, data in found:
            here = fields.layers(data)
            if port != HOST and here and here[0].protocol == step.talk.protocol and here[0].destination != source and \
                    here[0].at is not None and (here[0].ports or step.talk.protocol not in (1, 6, 17, 58)):
                self.seen[id(step.talk), step.side] = Seen(port, data, here[0])
                return


@dataclass
class Frame:
    port: int
    data: bytes
    first: bytes = b""  # of a fragment's datagram, which has the ports

    @property
    def asked(self):
        return self.first or self.data


@dataclass
class Speak:
    """A program on the router sends a datagram."""

    number: int
    to: scene.End
    to_port: int
    data: bytes
    port: int = 0

    @property
    def asked(self):
        """As a frame, whose source is not known."""
        nobody = scene.End(self.to.v6, 0, "::" if self.to.v6 else "0.0.0.0")
        body = struct.pack("!HHHH", self.number, self.to_port, 8, 0)
        return scene.frame(0, scene.port_mac(0), scene.ip(nobody, self.to, 17, body, 0))


@dataclass
class Step:
    """A packet of a conversation."""

    talk: object
    side: int
    body: bytes
    text: str
    serial: int
    fate: str = ""
    ttl: int = 64
    tos: int = 0
    flags: int = 0
    mac: int = 0

    def ends(self, view):
        """Sender, receiver, and the sender's number and the receiver's if they are not those of the body; None if
        nobody can send it."""
        talk = self.talk
        if self.side == 0:
            return talk.client, talk.server, None
        seen = view.seen.get((id(talk), 0))
        if seen is None:
            return None if talk.server.router or not talk.server.mac else (talk.server, talk.client, None)
        return seen.receiver(), seen.sender(), seen.numbers()[::-1]

    def whole(self, view):
        """(sender, receiver, body with its checksum)"""
        if (ends := self.ends(view)) is None:
            return None
        source, destination, numbers = ends
        body = self.body
        if numbers and self.talk.protocol in (6, 17):
            body = struct.pack("!HH", *numbers) + body[4:]
        elif numbers and self.talk.protocol in (1, 58):
            body = body[:4] + struct.pack("!H", numbers[0]) + body[6:]
        body = scene.with_checksum(source, destination, self.talk.protocol, body)
        at = scene.CHECKSUM_AT.get(self.talk.protocol)
        if self.fate == "bad checksum" and at is not None:
            body = body[:at] + struct.pack("!H", fields.adjusted(*struct.unpack_from("!H", body, at), 0, 0x5500)) + body[at + 2:]
        if self.fate == "no checksum":
            body = body[:6] + b"\0\0" + body[8:]
        return source, destination, body

    def render(self, view):
        if (made := self.whole(view)) is None:
            return None
        source, destination, body = made
        options = (b"\0\0\1\4\0\0\0\0" if source.v6 else b"\x94\x04\0\0") if self.fate == "options" else b""
        l3 = scene.ip(source, destination, self.talk.protocol, body, self.serial, self.ttl, self.tos, self.flags, options)
        mac = scene.station_mac(source.port, self.mac) if self.mac else source.mac
        return Frame(source.port, scene.frame(source.port, mac, l3))


@dataclass
class Piece:
    """Of a datagram in fragments, which is made when the first of them is sent."""

    of: Step
    number: int
    size: int

    talk = property(lambda self: self.of.talk)
    side = property(lambda self: self.of.side)
    text = property(lambda self: f"{self.of.text} (piece {self.number})")

    def render(self, view):
        if id(self.of) not in view.pieces:
            view.pieces[id(self.of)] = self.of.whole(view)
        if (made := view.pieces[id(self.of)]) is None:
            return None
        source, destination, body = made
        first = self.piece(source, destination, body, 0)
        return Frame(source.port, self.piece(source, destination, body, self.number * self.size), first)

    def piece(self, source, destination, body, offset):
        part, more = body[offset:offset + self.size], offset + self.size < len(body)
        if source.v6:
            head = struct.pack("!BBHI", self.talk.protocol, 0, offset | more, self.of.serial)
            l3 = scene.ip(source, destination, 44, head + part, 0)
        else:
            l3 = scene.ip(source, destination, self.talk.protocol, part, self.of.serial, flags=offset // 8 | more << 13)
        return scene.frame(source.port, source.mac, l3)


@dataclass
class Error:
    """The receiver of a packet, or somebody near it, tells the sender that it seemed to come from."""

    talk: object
    about: int  # who had sent it
    kind: int
    code: int
    size: int
    serial: int
    near: int = 0  # a station that tells in the receiver's place
    lie: int = 0  # bits of the quoted port that are wrong
    side = None

    @property
    def text(self):
        return f"error {self.kind}/{self.code} about {'><'[self.about]} of {self.talk.client.address}"

    def render(self, view):
        if (seen := view.seen.get((id(self.talk), self.about))) is None:
            return None
        source, destination = seen.receiver(), seen.sender()
        if self.near:
            source = scene.station(source.v6, seen.port, self.near)
        end = 54 + struct.unpack_from("!H", seen.frame, 18)[0] if source.v6 else 14 + struct.unpack_from("!H", seen.frame, 16)[0]
        quoted = bytearray(seen.frame[14:end][:self.size])
        if self.lie and seen.layer.ports and len(quoted) > seen.layer.ports[0] - 14:
            quoted[seen.layer.ports[0] - 14] ^= self.lie
        mtu = 1400 if (self.kind, self.code) in ((3, 4), (2, 0)) else 0
        protocol = 58 if source.v6 else 1
        body = scene.with_checksum(source, destination, protocol, struct.pack("!BBHI", self.kind, self.code, 0, mtu) + quoted)
        return Frame(seen.port, scene.frame(seen.port, source.mac, scene.ip(source, destination, protocol, body, self.serial)))


@dataclass
class Intruder:
    """Somebody else sends to where a conversation seems to come from."""

    talk: object
    number: int
    station: int
    away: int
    serial: int
    side = None

    @property
    def text(self):
        return f"an intruder to {self.talk.client.address}'s port outside"

    def render(self, view):
        seen = view.seen.get((id(self.talk), 0))
        if seen is None or self.talk.protocol not in (6, 17):
            return None
        source = scene.station(self.talk.client.v6, (seen.port + self.away) % 3, self.station)
        rest = bytes(4) + b"\x50\x02\x10\0\0\0\0\0" if self.talk.protocol == 6 else struct.pack("!HH", 12, 0) + b"hey!"
        body = struct.pack("!HH", self.number, seen.numbers()[0]) + (bytes(4) if self.talk.protocol == 6 else b"") + rest
        body = scene.with_checksum(source, seen.sender(), self.talk.protocol, body)
        return Frame(source.port, scene.frame(source.port, source.mac, scene.ip(source, seen.sender(), self.talk.protocol, body, self.serial)))


class Own(Udp):
    """A program on the router and somebody outside."""

    def next(self):
        side, body, text = super().next()
        return side, body, f"of the router's own: {text}"


@dataclass
class Said:
    talk: object
    data: bytes
    text: str
    side = 0

    def render(self, view):
        return Speak(self.talk.number, self.talk.server, self.talk.port, self.data)


class Traffic:
    def __init__(self, chance, v6, number):
        self.chance, self.v6, self.serial = chance, v6, number * 64
        self.numbers = [1024 + number * 7 % 60000, chance.choice((1024 + number * 13 % 60000, 5000, 700, 300))]
        clients = [self.somebody(chance.choice((0, 0, 1, 2))) for _ in range(4)]
        servers = [self.target() for _ in range(3)]
        self.talks = []
        for _ in range(chance.randrange(4, 9)):
            one = self.talk(chance.choice(clients), chance.choice(servers))
            if all((one.client, one.server, one.protocol, one.number, getattr(one, "port", 0)) !=
                   (old.client, old.server, old.protocol, old.number, getattr(old, "port", 0)) for old in self.talks):
                self.talks.append(one)
        if chance.random() < 0.3:
            server = chance.choice([one for one in servers if one.mac] or [scene.beyond(v6, 1)])
            self.talks.append(Own(chance, scene.router(v6, 0), server, 40000 + number % 20000))
        self.waiting = []

    def somebody(self, port):
        if port == 2 and self.chance.random() < 0.4:
            return scene.beyond(self.v6, self.chance.choice(scene.BEYOND))
        return scene.station(self.v6, port, self.chance.choice(scene.STATIONS))

    def target(self):
        """Whom clients talk to: somebody, the router, or an address that only a translation gives somebody behind."""
        chance = self.chance
        kind = chance.choices(("somebody", "router", "public"), (60, 18, 22))[0]
        if kind == "public":
            return scene.End(self.v6, 2, public_address(self.v6, chance.choice(PUBLIC)))
        port = chance.choice((0, 1, 2, 2, 2))
        return scene.router(self.v6, port) if kind == "router" else self.somebody(port)

    def talk(self, client, server):
        kind = self.chance.choices((Tcp, Udp, Ping, Other), (38, 36, 18, 8))[0]
        return kind(self.chance, client, server, self.chance.choice(self.numbers))

    def sequence(self, count=PACKETS):
        made = []
        while len(made) < count:
            if self.waiting and self.chance.random() < 0.6:
                made.append(self.waiting.pop(0))
            elif made and self.chance.random() < 0.04:
                made.append(self.chance.choice(made))
            else:
                made += self.packet()
        return made + self.waiting

    def packet(self):
        chance = self.chance
        self.serial += 1
        talk = chance.choice(self.talks)
        kind = chance.choices(("packet", "error", "intruder"), (86, 10, 4))[0]
        if kind == "intruder":
            return [Intruder(talk, chance.choice((53, 4444)), chance.choice(scene.STATIONS), chance.choice((0, 1)), self.serial)]
        if kind == "error":
            return [self.error(talk)]
        side, body, text = talk.next()
        if isinstance(talk, Own) and side == 0:
            return [Said(talk, body[8:], f"{text} to {talk.server.address}")]
        return self.sent(talk, side, body, f"{talk.client.address} {'><'[side]} {talk.server.address} {text}")

    def sent(self, talk, side, body, text):
        chance = self.chance
        fate = chance.choices(("", "bad checksum", "no checksum", "fragments", "other mac", "ttl 1", "options"), (80, 3, 3, 6, 3, 3, 2))[0]
        if fate == "no checksum" and (talk.protocol != 17 or self.v6):
            fate = ""
        step = Step(talk, side, body, text, self.serial, fate, 1 if fate == "ttl 1" else chance.choice((64, 128, 255)),
                    chance.choice((0, 0, 0x10, 0xB8)), chance.choice((0, 0x4000)))
        if fate == "other mac":
            step.mac = chance.choice(scene.STATIONS)
        if fate == "fragments":
            return self.fragments(step)
        step.text += f" ({fate})" if fate else ""
        return [step]

    def fragments(self, step):
        """Of 200 or 400 bytes in any order, the first now, the others among what follows."""
        chance, protocol = self.chance, step.talk.protocol
        if protocol == 6:
            return [step]
        body = step.body + bytes(chance.choice((300, 700, 1300)))
        size = chance.choice((200, 400))
        body += bytes(16) if 0 < len(body) % size <= 8 else b""
        step.body = body[:4] + struct.pack("!H", len(body)) + body[6:] if protocol == 17 else body
        pieces = [Piece(step, number, size) for number in range((len(body) + size - 1) // size)]
        if len(pieces) == 1:
            return [step]
        if chance.random() < 0.6:
            chance.shuffle(pieces)
        self.waiting += pieces[1:]
        return pieces[:1]

    def error(self, talk):
        chance = self.chance
        if self.v6:
            kind, code = chance.choice(((1, 0), (1, 4), (2, 0), (3, 0), (4, 1)))
            size = 1232
        else:
            kind, code = chance.choice(((3, 1), (3, 3), (3, 4), (11, 0), (12, 0), (5, 1), (4, 0)))
            size = chance.choice((28, 60, 500))
        return Error(talk, chance.choice((0, 0, 1)), kind, code, size, self.serial,
                     chance.choice(scene.STATIONS) if chance.random() < 0.3 else 0, 1 if chance.random() < 0.1 else 0)
