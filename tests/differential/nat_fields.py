"""Where in a frame the fields are that address translation may change, and what else has to change with them."""

import struct
from dataclasses import dataclass

import frames

ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMP6: 2}
ERRORS = {ICMP: (3, 4, 5, 11, 12), ICMP6: (1, 2, 3, 4)}
QUERIES = {ICMP: (0, 8, 13, 14, 15, 16, 17, 18), ICMP6: (128, 129)}


@dataclass
class Layer:
    """An IP header of a frame, outer or quoted, and what it carries."""

    protocol: int
    source: bytes
    destination: bytes
    ports: tuple = ()  # offsets of the source and destination port, or of the one identifier
    check: int = None  # offset of the checksum of layer 4
    at: int = None  # offset of layer 4; None in a fragment that is not the first

    def value(self, data, which):
        return struct.unpack_from("!H", data, self.ports[which])[0] if len(self.ports) > which else None


def transport(data, at):
    """(protocol, offset of layer 4 or None, source, destination) of the IP header at an offset, or None."""
    if len(data) >= at + 20 and data[at] >> 4 == 4:
        later = struct.unpack_from("!H", data, at + 6)[0] & 0x1FFF
        return data[at + 9], None if later else at + (data[at] & 15) * 4, data[at + 12:at + 16], data[at + 16:at + 20]
    if len(data) < at + 40 or data[at] >> 4 != 6:
        return None
    following, next_at = data[at + 6], at + 40
    while following in (0, 44, 60) and len(data) >= next_at + 8:
        if following == 44 and struct.unpack_from("!H", data, next_at + 2)[0] & 0xFFF8:
            return data[next_at], None, data[at + 8:at + 24], data[at + 24:at + 40]
        length = 8 if following == 44 else 8 + 8 * data[next_at + 1]
        following, next_at = data[next_at], next_at + length
    return following, next_at, data[at + 8:at + 24], data[at + 24:at + 40]


def layers(data):
    """Of an Ethernet frame with IP: the outer layer, and the one that an ICMP error quotes."""
    found, at = [], 14
    while data[12:14] in (b"\x08\0", b"\x86\xdd") and at is not None and (there := transport(data, at)):
        protocol, at, source, destination = there
        layer = Layer(protocol, source, destination, at=at)
        found.append(layer)
        if at is None or len(data) < at + 8:
            break
        check = CHECKSUM_AT.get(protocol)
        layer.check = at + check if check is not None and len(data) >= at + check + 2 else None
        if protocol in (TCP, UDP):
            layer.ports = (at, at + 2)
        elif protocol in QUERIES and data[at] in QUERIES[protocol]:
            layer.ports = (at + 4,)
        at = at + 8 if protocol in ERRORS and data[at] in ERRORS[protocol] and len(found) == 1 else None
    return found


def adjusted(check, old, new):
    """RFC 1624, equation 3."""
    total = (~check & 0xFFFF) + (~old & 0xFFFF) + new
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def put(data, found, number, at, value):
    """Writes 16 bits of layer `number` and what the checksums around them become. A TCP checksum that is quoted stays: the
    kernel changes it only where it is quoted whole, as here."""
    changes = [(at, value)]
    layer = found[number]
    if layer.check is not None and not (layer.protocol == UDP and data[layer.check:layer.check + 2] == b"\0\0"):
        old, = struct.unpack_from("!H", data, at)
        check, = struct.unpack_from("!H", data, layer.check)
        changes.append((layer.check, adjusted(check, old, value) or (0xFFFF if layer.protocol == UDP else 0)))
    outer = found[0].check if number else None
    for where, new in changes:
        if outer is not None:
            old, = struct.unpack_from("!H", data, where)
            struct.pack_into("!H", data, outer, adjusted(*struct.unpack_from("!H", data, outer), old, new))
        struct.pack_into("!H", data, where, new)


def folded(data, found):
    """The bytes with checksums of 0xffff, which is 0 in one's complement, as 0."""
    data = bytearray(data)
    for layer in found:
        if layer.check is not None and data[layer.check:layer.check + 2] == b"\xff\xff":
            data[layer.check:layer.check + 2] = b"\0\0"
    return bytes(data)


def identification(data):
    """Of an IPv4 frame; None for others."""
    return data[18:20] if data[12:14] == b"\x08\0" else None


def without_identification(data):
    """An IPv4 frame of the router's own with no identification, no header checksum if it was right, and no time of day."""
    good = frames.checksum(data[14:14 + (data[14] & 15) * 4]) == 0
    data = data[:18] + b"\0\0" + data[20:24] + (b"\0\0" if good else data[24:26]) + data[26:]
    return data[:36] + b"\0\0" + data[38:42] + b"\0" * len(data[42:]) if (data[14], data[23], data[34]) == (0x45, ICMP, 14) else data
