"""Conversations whose packets go through the rules: TCP with losses and lies, datagrams, ping, other protocols."""

import struct

from conntrack import Talk

SERVICES = (22, 53, 80, 443, 8080)


class Tcp:
    protocol = 6

    def __init__(self, chance, client, server, number):
        self.client, self.server, self.number = client, server, number
        self.port = chance.choice(SERVICES)
        self.talk = Talk(chance, number)

    def next(self):
        """Who sends (0: the client) and the segment."""
        side, packet, text = self.talk.packet()
        ports = (self.number, self.port) if side == 0 else (self.port, self.number)
        return side, struct.pack("!HH", *ports) + packet[24:], "tcp " + text


class Udp:
    protocol = 17

    def __init__(self, chance, client, server, number):
        self.chance, self.client, self.server, self.number = chance, client, server, number
        self.port = chance.choice(SERVICES)

    def next(self):
        side = self.chance.choices((0, 1), (60, 40))[0]
        ports = (self.number, self.port) if side == 0 else (self.port, self.number)
        body = bytes(self.chance.choice((0, 1, 30, 100, 600)))
        return side, struct.pack("!HHHH", *ports, 8 + len(body), 0) + body, f"udp {'><'[side]} {len(body)} bytes"


class Ping:
    """Echo, now and then another type."""

    def __init__(self, chance, client, server, number):
        self.chance, self.client, self.server, self.number = chance, client, server, number
        self.protocol = 58 if client.v6 else 1
        self.sequence = 0

    def next(self):
        side = self.chance.choices((0, 1), (65, 35))[0]
        kind = (128, 129)[side] if self.client.v6 else (8, 0)[side]
        if self.chance.random() < 0.1:
            kind = self.chance.choice((128, 129, 140, 200) if self.client.v6 else (13, 14, 17, 8, 0, 42))
        self.sequence += self.chance.choice((0, 1))
        head = struct.pack("!BBHHH", kind, 0, 0, self.number, self.sequence)
        return side, head + bytes(self.chance.choice((0, 8, 56, 300))), f"icmp {'><'[side]} type {kind}"


class Other:
    """A protocol that connection tracking knows nothing of."""

    def __init__(self, chance, client, server, number):
        self.chance, self.client, self.server, self.number = chance, client, server, number
        self.protocol = chance.choice((50, 89, 253))

    def next(self):
        side = self.chance.choices((0, 1), (60, 40))[0]
        return side, bytes(self.chance.choice((8, 40, 200))), f"protocol {self.protocol} {'><'[side]}"
