"""The router of the rule sets: three ports, stations with known MAC addresses behind each, and one more network."""

import socket
import struct
from dataclasses import dataclass

import frames

DEVICES = ("lan0", "lan1", "wan0")
STATIONS = range(2, 10)  # 10.0.N.2 … and 2001:db8:N::2 …
GATEWAY, BEYOND = 9, range(1, 9)  # 192.0.2.N and 2001:db8:ff::N lie behind the last station of wan0
IPV6 = 0x86DD


def port_mac(port):
    return f"02:90:00:00:00:{port:02x}"


def station_mac(port, number):
    return f"02:5e:00:00:{port:02x}:{number:02x}"


def station_address(v6, port, number):
    return f"2001:db8:{port}::{number:x}" if v6 else f"10.0.{port}.{number}"


def beyond_address(v6, number):
    return f"2001:db8:ff::{number:x}" if v6 else f"192.0.2.{number}"


def routes():
    """As lines of `ip -batch`, without the device's addresses."""
    yield False, "route add 192.0.2.0/24 via 10.0.2.9"
    yield True, "-6 route add 2001:db8:ff::/48 via 2001:db8:2::9"


@dataclass(frozen=True)
class End:
    """Somebody who sends and receives."""

    v6: bool
    port: int
    address: str
    mac: str = ""
    router: bool = False

    @property
    def raw(self):
        return socket.inet_pton(socket.AF_INET6 if self.v6 else socket.AF_INET, self.address)


def station(v6, port, number):
    return End(v6, port, station_address(v6, port, number), station_mac(port, number))


def beyond(v6, number):
    return End(v6, 2, beyond_address(v6, number), station_mac(2, GATEWAY))


def router(v6, port):
    return End(v6, port, station_address(v6, port, 1), router=True)


OWN = {router(v6, port).raw for v6 in (False, True) for port in range(len(DEVICES))}


def frame(port, source_mac, l3, destination_mac=None):
    """What a station sends to the router."""
    kind = IPV6 if l3[0] >> 4 == 6 else frames.IPV4
    return frames.frame(frames.mac(destination_mac or port_mac(port)), frames.mac(source_mac), kind, l3)


def checked(pseudo, data, at):
    """The bytes with the Internet checksum put at an offset; 0 stays for what has none."""
    data = data[:at] + b"\0\0" + data[at + 2:]
    return data[:at] + struct.pack("!H", frames.checksum(pseudo + data) or 0xFFFF) + data[at + 2:]


CHECKSUM_AT = {6: 16, 17: 6, 1: 2, 58: 2}


def with_checksum(source, destination, protocol, body):
    """TCP, UDP, ICMP or ICMPv6 with its checksum; others as they are."""
    at = CHECKSUM_AT.get(protocol)
    if at is None or len(body) < at + 2:
        return body
    if protocol == 1:
        pseudo = b""
    elif source.v6:
        pseudo = source.raw + destination.raw + struct.pack("!II", len(body), protocol)
    else:
        pseudo = source.raw + destination.raw + struct.pack("!HH", protocol, len(body))
    return checked(pseudo, body, at)


def ip(source, destination, protocol, body, number, ttl=64, tos=0, flags=0, options=b""):
    """An IPv4 or IPv6 packet; `flags` are IPv4's flags and offset, `options` of IPv4 or a whole IPv6 extension header
    whose first byte is filled in (destination options)."""
    if source.v6:
        if options:
            body, protocol = bytes([protocol]) + options[1:] + body, 60
        return struct.pack("!IHBB", 6 << 28 | tos << 20, len(body), protocol, ttl) + source.raw + destination.raw + body
    head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, tos, 20 + len(options) + len(body), number & 0xFFFF, flags,
                       ttl, protocol, 0, source.raw, destination.raw) + options
    return checked(b"", head, 10) + body
