"""Random sequences of frames: conversations with what goes wrong on the way.

Left out: overlapping fragments; an IPv6 fragment that is all of its datagram, or all but eight bytes (Linux takes the
header off); fragments of what is for the router itself that never become whole (its time-out
makes an ICMP error later), and neighbours that do not answer (how long they are asked for is a matter of time).
"""

import struct
from dataclasses import dataclass

import filter_scene as scene
from filter_talks import Other, Ping, Tcp, Udp

PACKETS = 50
CUT = "piece of a cut header"  # in the text of such a datagram's pieces
CUT_SHORT = (6, 253)  # protocols whose IPv6 first fragment may lack the header: then the others wait for ever


@dataclass
class Sent:
    port: int
    frame: bytes
    text: str


class Traffic:
    def __init__(self, chance, v6, number):
        self.chance, self.v6, self.serial = chance, v6, number * 64
        clients = [self.somebody(chance.choice((0, 0, 1, 2))) for _ in range(3)]
        self.talks = [self.talk(chance.choice(clients), 1024 + (number * 8 + index) * 7 % 60000)
                      for index in range(chance.randrange(3, 7))]
        self.earlier, self.waiting = [], []  # (source, destination, protocol, l3), frames that come later

    def somebody(self, port):
        if port == 2 and self.chance.random() < 0.4:
            return scene.beyond(self.v6, self.chance.choice(scene.BEYOND))
        return scene.station(self.v6, port, self.chance.choice(scene.STATIONS))

    def talk(self, client, number):
        chance = self.chance
        other = chance.choice([port for port in range(len(scene.DEVICES)) if port != client.port])
        server = scene.router(self.v6, chance.choice((client.port, other))) if chance.random() < 0.2 else self.somebody(other)
        kind = chance.choices((Tcp, Udp, Ping, Other), (50, 25, 17, 8))[0]
        return kind(chance, client, server, number)

    def sequence(self, count=PACKETS):
        made = []
        while len(made) < count:
            if self.waiting and self.chance.random() < 0.6:
                made.append(self.waiting.pop(0))
            elif made and self.chance.random() < 0.05:
                old = self.chance.choice(made)
                if "piece" not in old.text:
                    made.append(Sent(old.port, old.frame, "again: " + old.text))
            else:
                made += self.packet()
        return (made + self.waiting)[:count + len(self.waiting)]

    def packet(self):
        chance = self.chance
        self.serial += 1
        if self.earlier and chance.random() < 0.08:
            return self.error()
        talk = chance.choice(self.talks)
        side, body, text = talk.next()
        for _ in range(20):
            if side == 0 or not talk.server.router:
                break
            side, body, text = talk.next()  # the router answers for itself
        else:
            return []
        source, destination = (talk.client, talk.server) if side == 0 else (talk.server, talk.client)
        text = f"{source.address} > {destination.address} {text}"
        return self.send(source, destination, talk.protocol, body, text)

    def send(self, source, destination, protocol, body, text):
        chance = self.chance
        fate = chance.choices(("usual", "bad checksum", "fragments", "other mac", "other port", "ttl 1", "options",
                               "broadcast mac", "to all"), (68, 4, 8, 6, 4, 2, 3, 2, 3))[0]
        if fate == "to all":
            if protocol == 17:
                destination = self.all_of(source)
            fate = "usual"
        if fate == "fragments":
            if protocol != 6:
                body = self.longer(protocol, body)
            small = self.small_piece(destination, protocol, body)
            if small or len(body) > 200:
                return self.fragments(source, destination, protocol, body, text, small)
            fate = "usual"
        body = scene.with_checksum(source, destination, protocol, body)
        if fate == "bad checksum" and protocol in scene.CHECKSUM_AT:
            at = scene.CHECKSUM_AT[protocol]
            body = body[:at] + bytes([body[at] ^ 0x55]) + body[at + 1:]
        options = b""
        if fate == "options":
            options = b"\0\0\1\4\0\0\0\0" if self.v6 else chance.choice((b"\x94\x04\0\0", b"\1\1\1\0"))
        l3 = scene.ip(source, destination, protocol, body, self.serial, 1 if fate == "ttl 1" else chance.choice((64, 128, 255)),
                      chance.choice((0, 0, 0x10, 0xB8)), chance.choice((0, 0x4000)), options)
        self.earlier.append((source, destination, l3))
        port, mac, to = source.port, source.mac, None
        if fate == "other mac":
            mac = scene.station_mac(port, chance.choice(scene.STATIONS))
        elif fate == "other port":
            port = chance.choice([one for one in range(len(scene.DEVICES)) if one not in (source.port, destination.port)] or [port])
        elif fate == "broadcast mac":
            to = chance.choice(("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:07", "33:33:00:00:00:07"))
        return [Sent(port, scene.frame(port, mac, l3, to), text + ("" if fate == "usual" else f" ({fate})"))]

    def all_of(self, source):
        """A group or the broadcast address of the sender's network."""
        address = "ff02::1" if self.v6 else self.chance.choice((f"10.0.{source.port}.255", "255.255.255.255", "224.0.0.1"))
        return scene.End(self.v6, source.port, address)

    def longer(self, protocol, body):
        body += bytes(self.chance.choice((300, 700, 1300)))
        return body[:4] + struct.pack("!H", len(body)) + body[6:] if protocol == 17 else body

    def small_piece(self, destination, protocol, body):
        """Bytes of pieces of which the first ends in the transport header or close behind, at times; else 0. All are
        of one size, as Linux may join them and cut them anew by the longest."""
        sizes = [8, 16, 24, 32]
        if self.v6 and (protocol not in CUT_SHORT or destination.router):
            sizes = [24, 32]
        size = self.chance.choice(sizes) if self.chance.random() < 0.4 else 0
        return size if size + 8 < len(body) <= 12 * size else 0

    def fragments(self, source, destination, protocol, body, text, small):
        """Pieces of up to 400 bytes in any order, the first now, the others among what follows; at times one is lost."""
        chance = self.chance
        body = scene.with_checksum(source, destination, protocol, body)
        if chance.random() < 0.05 and protocol != 253:
            body = body[:-1] + b"\x55"
        size, pieces = small or (chance.choice((200, 400)) if len(body) > 400 else 200), []
        if not small and 0 < len(body) % size <= 8:
            size -= 8
        for offset in range(0, len(body), size):
            more, part = offset + size < len(body), body[offset:offset + size]
            if self.v6:
                head = struct.pack("!BBHI", protocol, 0, offset | more, self.serial)
                l3 = scene.ip(source, destination, 44, head + part, 0)
            else:
                l3 = scene.ip(source, destination, protocol, part, self.serial, flags=offset // 8 | more << 13)
            pieces.append(Sent(source.port, scene.frame(source.port, source.mac, l3), f"{text} ({CUT if small else 'piece'} at {offset} of {len(body)})"))
        if chance.random() < 0.6:
            chance.shuffle(pieces)
        if chance.random() < 0.1 and not destination.router and len(pieces) > 2:
            pieces.pop()
        self.waiting += pieces[1:]
        return pieces[:1]

    def error(self):
        """Somebody on the way, or the receiver, tells the sender of an earlier packet."""
        chance = self.chance
        source, destination, l3 = chance.choice(self.earlier[-12:])
        if source.router or destination.address.startswith(("ff", "224", "255")):
            return []
        teller = destination
        if teller.router or not teller.mac or chance.random() < 0.3:
            teller = scene.station(self.v6, destination.port if destination.port != source.port else (source.port + 1) % 3,
                                   chance.choice(scene.STATIONS))
        if chance.random() < 0.1:  # the packet never was, or went the other way
            at = 24 if self.v6 else 16
            l3 = l3[:at - 1] + bytes([l3[at - 1] ^ 1]) + l3[at:]
        if self.v6:
            kind, code = chance.choice(((1, 0), (1, 4), (2, 0), (3, 0), (4, 1)))
            body = struct.pack("!BBHI", kind, code, 0, 1400 if kind == 2 else 0) + l3[:1232]
        else:
            kind, code = chance.choice(((3, 1), (3, 3), (3, 4), (11, 0), (12, 0), (5, 1), (4, 0)))
            body = struct.pack("!BBHI", kind, code, 0, 1400 if (kind, code) == (3, 4) else 0) + l3[:chance.choice((28, 60, 500))]
        text = f"{teller.address} > {source.address} error {kind}/{code} about {source.address} > {destination.address}"
        protocol = 58 if self.v6 else 1
        body = scene.with_checksum(teller, source, protocol, body)
        sent = scene.frame(teller.port, teller.mac, scene.ip(teller, source, protocol, body, self.serial))
        return [Sent(teller.port, sent, text)]
