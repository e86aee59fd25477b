"""A router: weft against the kernel's forwarding, with the same addresses, routes, rules, neighbours and rp_filter. weft's
interfaces are its ports, VLAN sub-interfaces of them, or bridges with a port each; Linux's are devices.

Packets go in many at a time, each with a number in its payload, and whatever comes out carries it too: forwarded, in
pieces, or quoted by an ICMP error. What differs between two kernels as well is taken off before the comparison: the
identification and options of packets the router makes, the flow label of its own IPv6 packets. Redirects of IPv6 cannot be switched
off in Linux and are left out, and so are link-local destinations that are not the router's: Linux sends them back to their
link, weft drops them. Rate limits are off. The members of an ECMP group share a MAC address, as which of them
a flow takes is each router's own affair.
"""

import ipaddress
import random
import socket
import struct
import time

import frames
import lab
from probe import port_mac
from runner import run_one

PORTS, PACKETS, BATCH = 4, 1700, 170
KINDS = {"ports": "t{}", "VLANs": "v{}", "bridges": "b{}"}  # what weft routes by, and its names
TAG = struct.pack("!HH", 0x8100, 7)
IPV6 = 0x86DD
STATIONS = range(2, 62)  # 10.0.N.2 … and 2001:db8:N::2 …; many, as Linux limits "net unreachable" by source (ip_error)
SETTINGS = {"net.ipv4.icmp_ratelimit": 0, "net.ipv4.icmp_msgs_per_sec": 1000000, "net.ipv4.icmp_msgs_burst": 100000,
            "net.ipv6.icmp.ratelimit": 0}


def station_mac(port, number):
    return f"02:5e:00:00:{port:02x}:{6 if number == 7 else number:02x}"


class Tables:
    """Random routes, as arguments of `ip route add`, with the names of devices left open."""

    def __init__(self, chance):
        self.routes, self.rules, self.prefixes, self.neighbours = [], [], [], []
        self.taken = set()
        for v6 in (False, True):
            for _ in range(40):
                self.add(chance, v6, "main")
            for _ in range(8):
                self.add(chance, v6, "100")
            self.rules.append(["-6" if v6 else "-4", "rule", "add", "from",
                               "2001:db8:1::4/126" if v6 else "10.0.1.4/31", "table", "100", "priority", "1000"])
            self.rules += [["-6" if v6 else "-4", "rule", "add", *words, "priority", str(900 + number)]
                           for number, words in enumerate(self.policies(chance, v6))]
        self.rp_filter = [chance.randrange(3) for _ in range(PORTS)]

    @staticmethod
    def policies(chance, v6):
        """Some rules with other selectors and actions."""
        hosts = f"2001:db8:{chance.randrange(PORTS)}::{chance.randrange(8, 60, 4):x}/126" if v6 else \
            f"10.0.{chance.randrange(PORTS)}.{chance.randrange(8, 60, 4)}/30"
        every = (["iif", f"DEV{chance.randrange(PORTS)}", "table", "100"], ["tos", "0x10", "table", "100"],
                 ["to", hosts, "table", "100"], ["to", hosts, chance.choice(("blackhole", "unreachable", "prohibit"))],
                 ["from", hosts, "iif", f"DEV{chance.randrange(PORTS)}", chance.choice(("blackhole", "unreachable", "prohibit"))])
        return chance.sample(every, chance.randrange(3))

    def gateway(self, chance, v6, number=None):
        port, number = chance.randrange(PORTS), number or chance.randrange(2, 6)
        return ["via", f"2001:db8:{port}::{number:x}" if v6 else f"10.0.{port}.{number}", "dev", f"DEV{port}"]

    @staticmethod
    def packets(chance, v6):
        """Of which packets to its prefix a route is: all, or those with a TOS or a source."""
        if chance.random() < 0.65:
            return []
        if v6:
            return ["from", chance.choice(("2001:db8::/32", "2001:db8:1::/64", "2001:db8:1::2/127", "2001:db8:1::4/126", "2001:db8:2::/47"))]
        return ["tos", chance.choice(("0x10", "0x08", "0x04", "0xb8"))]

    def add(self, chance, v6, table):
        bits = 128 if v6 else 32
        length = chance.choice((32, 40, 48, 56, 64, 96, 128) if v6 else (8, 12, 16, 20, 24, 25, 28, 30, 31, 32))
        base = chance.choice(self.prefixes + [None])
        if base is None or base.version != (6 if v6 else 4):
            high = 0x20010DB8_0100 << 80 if v6 else 0xC6330000
            base = ipaddress.ip_network((high | chance.getrandbits(80 if v6 else 16), bits))
        address = int(base.network_address) | chance.getrandbits(max(bits - base.prefixlen, 1)) % (1 << (bits - base.prefixlen))
        net = ipaddress.ip_network((address, length), strict=False)
        packets = self.packets(chance, v6)
        same = [old for old in self.prefixes if old.version == net.version]
        if packets and same and chance.random() < 0.5:
            net = chance.choice(same)
        if (net, *packets) in self.taken:
            return
        self.taken.add((net, *packets))
        self.prefixes.append(net)
        kind = chance.choices(("via", "dev", "ecmp", "mtu", "blackhole", "unreachable", "prohibit", "throw"),
                              (60, 6, 8, 10, 4, 4, 4, 4))[0]
        words = ["-6" if v6 else "-4", "route", "add", "table", table, *packets]
        if kind in ("blackhole", "unreachable", "prohibit", "throw"):
            words += [kind, str(net)]
        elif kind == "dev":
            port, host = chance.randrange(PORTS), net[chance.randrange(min(net.num_addresses, 1 << 16))]
            if packets or ipaddress.ip_network(host) in self.prefixes:
                return
            # known, as how long an unknown neighbour is asked for is a matter of time; on every port, as a route from
            # other sources to the same prefix hides this one (fib6_node_lookup_1), and a port's network may lead there
            self.prefixes[-1] = ipaddress.ip_network(host)
            self.taken.add((self.prefixes[-1],))
            self.neighbours += [(str(host), where) for where in range(PORTS)]
            words += [str(self.prefixes[-1]), "dev", f"DEV{port}"]
        elif kind == "ecmp":
            port = chance.randrange(PORTS)
            words += [str(net)]
            for number in (6, 7):
                words += ["nexthop", "via", f"2001:db8:{port}::{number}" if v6 else f"10.0.{port}.{number}", "dev", f"DEV{port}"]
        else:
            words += [str(net), *self.gateway(chance, v6)] + (["mtu", str(chance.choice((1280, 1400, 1481)))] if kind == "mtu" else [])
        self.routes.append(words)

    def destination(self, chance, v6):
        nets = [net for net in self.prefixes if (net.version == 6) == v6]
        net = chance.choice(nets)
        return net[chance.randrange(min(net.num_addresses, 1 << 16))]


class Side:
    """A router of PORTS devices and the wires behind them."""

    def __init__(self, place, role, device):
        self.role, self.device = role, device
        self.inside = place.switch if role == "weft" else place.namespace(role)
        self.outside = place.namespace(f"{role}-out")
        self.outside.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self.inside.sysctl("net.ipv6.conf.default.accept_dad", 0)  # which ends when it likes, and decides who speaks to fe80::7
        self.wires = []
        for port in range(PORTS):
            self.inside.ip("link", "add", f"p{port}", "address", port_mac(port), "type", "veth", "peer", "name",
                           f"e{port}", "netns", self.outside.name)
            self.outside.ip("link", "set", f"e{port}", "arp", "off", "up")
            self.outside.run("ethtool", "-K", f"e{port}", "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off")
            self.wires.append(self.outside.wire(f"e{port}"))
        place.wires += self.wires

    def named(self, words):
        return [self.device.format(word[3:]) if word.startswith("DEV") else word for word in words]

    def configure(self, tables):
        for name, value in {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1,
                            "net.ipv4.conf.all.send_redirects": 0, **SETTINGS}.items():
            self.inside.sysctl(name, value)
        lines = []
        for port in range(PORTS):
            device = self.device.format(port)
            self.inside.ip("link", "set", device, "up")
            self.inside.sysctl(f"net.ipv4.conf.{device}.send_redirects", 0)
            lines += [f"addr add 10.0.{port}.1/24 dev {device}", f"addr add 2001:db8:{port}::1/64 dev {device} nodad"]
            lines.append(f"neigh add fe80::7 lladdr {station_mac(port, 2)} nud permanent dev {device}")
            for number in STATIONS:
                for address in (f"10.0.{port}.{number}", f"2001:db8:{port}::{number:x}"):
                    lines.append(f"neigh add {address} lladdr {station_mac(port, number)} nud permanent dev {device}")
        lines += [f"neigh add {address} lladdr {station_mac(port, 2)} nud permanent dev {self.device.format(port)}"
                  for address, port in tables.neighbours]
        self.batch(lines)
        for family in ("-4", "-6"):
            self.batch([" ".join(self.named(words[1:])) for words in tables.routes if words[0] == family], family)
        for words in tables.rules:
            self.inside.ip(*self.named(words))

    def batch(self, lines, *options):
        lab.run("ip", "-n", self.inside.name, *options, "-batch", "-", input="\n".join(lines) + "\n")

    def receive(self, numbers, seconds, patience=0.15):
        """Frames that came out until all is quiet, by the number of the packet that caused them."""
        out, quiet, end = {}, time.monotonic() + patience, time.monotonic() + seconds
        while time.monotonic() < min(quiet, end):
            got = [(port, data) for port, wire in enumerate(self.wires) for data in wire.drain()]
            for port, data in got:
                at = data.rfind(b"frame")
                if at < 0 or len(data) < at + 9:
                    continue
                number = struct.unpack_from("!I", data, at + 5)[0]
                if number in numbers and (kept := comparable(data)):
                    out.setdefault(number, []).append((port, kept))
            if got:
                quiet = time.monotonic() + patience
            else:
                time.sleep(0.005)
        return {number: sorted(found) for number, found in out.items()}


def comparable(data):
    """A frame without what no two routers have in common; None if it is left out."""
    data = bytearray(data)
    kind, = struct.unpack_from("!H", data, 12)
    if kind == frames.IPV4 and data[26:28] == b"\x0a\x00" and data[29] == 1:  # from the router itself
        data[18:20] = data[24:26] = b"\0\0"
        options = (data[14] & 15) * 4 - 20  # Linux answers with the offender's own options
        struct.pack_into("!H", data, 16, struct.unpack_from("!H", data, 16)[0] - options)
        data[14] = 0x45
        del data[34:34 + options]
        if data[23] == 1 and len(data) > 42 and data[42] & 15 > 5:
            # Linux records its address before it refuses, and quotes less the more options it answers with
            data[16:18] = data[36:38] = b"\0\0"
            del data[42:]
    if kind == IPV6 and (ipaddress.ip_address(bytes(data[22:38])) in OWN6 or data[22:24] == b"\xfe\x80"):
        data[15] &= 0xF0
        data[16:18] = b"\0\0"
        if data[20] == 44:  # an answer of the host in pieces: the identification is drawn
            data[58:62] = bytes(4)
    if kind == IPV6 and data[20] == 58 and data[54] == 137:
        return None
    return bytes(data)


OWN6 = {ipaddress.ip_address(f"2001:db8:{port}::{host}") for port in range(PORTS) for host in ("1", "")}  # and the anycast


def ones(data):
    return struct.pack("!H", frames.checksum(data))


def options4(chance):
    """Some IPv4 options, at times malformed, padded to four bytes."""
    made = chance.choice((b"\x07\x0b\x04" + bytes(8), b"\x07\x07\x08" + bytes(4), b"\x94\x04\0\0", b"\x9f\x04\1\1", b"\x01\x01\x01\x00",
                          b"\x83\x07\x04\x0a\x00\x02\x02", b"\x07\x27\x04\x00", b"\x07\x03\x00\x00"))  # no timestamps: two clocks
    return made + bytes(-len(made) % 4)


def packet4(chance, source, destination, number):
    mark = b"frame" + struct.pack("!I", number)
    kind = chance.choices(("udp", "icmp", "error", "other"), (60, 20, 10, 10))[0]
    body = mark + bytes(chance.choice((0, 10, 100, 1200, 1340, 1363, 1443)))
    if kind == "udp":
        body, protocol = struct.pack("!HHHH", chance.randrange(1024, 65536), 40000 + number % 1000, 8 + len(body), 0) + body, 17
    elif kind == "icmp":
        head = struct.pack("!BBHI", chance.choice((8, 13, 0)), 0, 0, number)
        body, protocol = head[:2] + ones(head + body) + head[4:] + body, 1
    elif kind == "error":
        head = struct.pack("!BBHI", chance.choice((3, 11, 12, 5)), 0, 0, 0)
        body, protocol = head[:2] + ones(head + body) + head[4:] + body, 1
    else:
        protocol = chance.choice((253, 47, 50))
    options = options4(chance) if chance.random() < 0.12 else b""
    flags = chance.choices((0, 0x4000, 0x2000, 0x2003, 0x0005), (50, 35, 5, 5, 5))[0]
    if flags & 0x2000:
        body = body[:len(body) // 8 * 8] if len(body) > 24 else body.ljust(24, b"\0")
    ttl = chance.choices((64, 1, 2, 0, 255), (70, 12, 8, 4, 6))[0]
    head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, chance.choice((0, 0x10, 0xB8, 3, 0x08, 0x36)), 20 + len(options) + len(body), number & 0xFFFF,
                       flags, ttl, protocol, 0, source, destination) + options
    head = head[:10] + ones(head) + head[12:]
    data = bytearray(head + body)
    if chance.random() < 0.06:
        where, value = chance.choice(((10, data[10] ^ 0x40), (0, 0x55), (0, 0x44), (2, 0xFF), (3, 10)))
        data[where] = value
        if where != 10 and len(options) == 0:
            data[10:12] = b"\0\0"
            data[10:12] = ones(bytes(data[:20]))
    return bytes(data) + (bytes(12) if chance.random() < 0.1 else b"")


def packet6(chance, source, destination, number):
    body = b"frame" + struct.pack("!I", number) + bytes(chance.choice((0, 10, 100, 1150, 1223, 1343, 1443)))
    kind = chance.choices(("udp", "echo", "error", "none", "other"), (60, 15, 10, 5, 10))[0]
    following = {"udp": 17, "echo": 58, "error": 58, "none": 59, "other": 253}[kind]
    if kind in ("udp", "echo", "error"):
        head = struct.pack("!HHHH", 5000, 40000 + number % 1000, 8 + len(body), 0) if kind == "udp" else \
            struct.pack("!BBHI", 128 if kind == "echo" else chance.choice((1, 2, 3, 4)), 0, 0, number)
        pseudo = source + destination + struct.pack("!II", 8 + len(body), following)
        at = 6 if kind == "udp" else 2
        body = head[:at] + ones(pseudo + head + body) + head[at + 2:] + body
    if chance.random() < 0.15:
        option = chance.choice((b"\x01\x04\0\0\0\0", b"\x1e\x02\0\0\x01\0", b"\x5e\x02\0\0\x01\0", b"\x9e\x02\0\0\x01\0",
                                b"\xde\x02\0\0\x01\0", b"\x05\x02\0\0\x01\0", b"\x1e\x09\0\0\x01\0"))
        body, following = bytes((following, 0)) + option + body, 0
    elif chance.random() < 0.1:
        body, following = struct.pack("!BBHI", following, 0, chance.choice((0, 1, 8)), number) + body, 44
    limit = chance.choices((64, 1, 2, 0, 255), (70, 12, 8, 4, 6))[0]
    length = len(body) + (chance.choice((-1, 1, 500)) if chance.random() < 0.04 else 0)
    version = 0x40000000 if chance.random() < 0.02 else 0x60000000
    return struct.pack("!IHBB", version | chance.getrandbits(28), length, following, limit) + source + destination + body


def random_packet(chance, tables, number):
    """The port it goes in by, and the frame."""
    port, v6 = chance.randrange(PORTS), chance.random() < 0.5
    family = socket.AF_INET6 if v6 else socket.AF_INET

    def address(where, host):
        return f"2001:db8:{where}::{host:x}" if v6 else f"10.0.{where}.{host}"

    odd = ("::1", "ff02::5", "::", "fe80::7", "2001:db8:200::1") if v6 else \
        ("127.0.0.1", "224.0.0.5", "0.0.0.0", "255.255.255.255", "240.0.0.1", "192.0.2.77")
    source = chance.choices((address(port, chance.choice(STATIONS)), address(chance.randrange(PORTS), 1), chance.choice(odd)), (85, 5, 10))[0]
    destination = chance.choices((address(chance.randrange(PORTS), chance.choice(STATIONS)), str(tables.destination(chance, v6)),
                                  address(chance.randrange(PORTS), 1), chance.choice([one for one in odd if one[:2] != "fe"]),
                                  "2001:db8:1::" if v6 else f"10.0.{chance.randrange(PORTS)}.255"), (35, 50, 5, 6, 4))[0]
    make = packet6 if v6 else packet4
    l3 = make(chance, socket.inet_pton(family, source), socket.inet_pton(family, destination), number)
    to = chance.choices((frames.mac(port_mac(port)), frames.BROADCAST, frames.mac("33:33:00:00:00:01"), frames.mac("02:77:00:00:00:01")), (94, 2, 2, 2))[0]
    return port, to + frames.mac(station_mac(port, 2)) + struct.pack("!H", IPV6 if v6 else frames.IPV4) + l3[:1500]


def describe(frame_out):
    return "; ".join(f"port {port}: {data[:100].hex()} ({len(data)} bytes)" for port, data in frame_out) or "nothing"


class Tagged:
    """A wire on which every frame has the tag."""

    def __init__(self, wire):
        self.wire = wire

    def send(self, *frames_in):
        self.wire.send(*(data[:12] + TAG + data[12:] for data in frames_in))

    def drain(self):
        return [data[:12] + data[16:] if data[12:16] == TAG else data + b"without a tag" for data in self.wire.drain()]


def lines_of(kind, tables):
    """weft's configuration of its interfaces."""
    lines = [f"port add t{port} up type af_packet dev p{port}" for port in range(PORTS)]
    if kind == "VLANs":
        lines += [f"ip link add link t{port} name v{port} up type vlan id 7" for port in range(PORTS)]
    if kind == "bridges":
        lines += [f"ip link add b{port} address {port_mac(port)} up type bridge\nip link set t{port} master b{port}" for port in range(PORTS)]
    lines += [f"sysctl -w {name}={value}" for name, value in (*SETTINGS.items(), ("net.ipv4.conf.all.send_redirects", 0))]
    for port in range(PORTS):
        device = KINDS[kind].format(port)
        lines += [f"sysctl -w net.ipv4.conf.{device}.{name}={value}" for name, value in
                  (("send_redirects", 0), ("rp_filter", tables.rp_filter[port]))]
    return "\n".join(lines) + "\n"


def compare(place, chance, kind="ports"):
    linux, weft = Side(place, "linux", "p{}"), Side(place, "weft", KINDS[kind])
    tables = Tables(chance)
    linux.inside.sysctl("net.ipv4.conf.all.rp_filter", 0)
    for port in range(PORTS):
        linux.inside.run("ethtool", "-K", f"p{port}", "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off")
        linux.inside.sysctl(f"net.ipv4.conf.p{port}.rp_filter", tables.rp_filter[port])
    place.weftd(lines_of(kind, tables))
    if kind == "VLANs":
        weft.wires = [Tagged(wire) for wire in weft.wires]
    for side in (linux, weft):
        side.configure(tables)
    time.sleep(1)  # what the kernel has been told reaches the workers within milliseconds
    for first in range(0, PACKETS, BATCH):
        sent = {number: random_packet(chance, tables, number) for number in range(first, first + BATCH)}
        for side in (linux, weft):
            for port, data in sent.values():
                side.wires[port].send(data)
        wanted, got = linux.receive(sent, 5), weft.receive(sent, 5)
        for number, (port, data) in sent.items():
            if wanted.get(number) != got.get(number):
                compare_alone(linux, weft, number, port, data)


def compare_alone(linux, weft, number, port, data):
    """Once more, when Linux's own limit of "net unreachable" (ip_error, one a second and source) lets it answer, and when what
    came late, as on a loaded machine, is here and taken away."""
    time.sleep(1.1)
    for side in (linux, weft):
        for wire in side.wires:
            wire.drain()
        side.wires[port].send(data)
    wanted, got = (side.receive({number}, 3, 1).get(number, []) for side in (linux, weft))
    lab.check(wanted == got, f"packet {number}, into port {port}: {data[:100].hex()} ({len(data)} bytes)\n"
              f"  Linux sends {describe(wanted)}\n  weft sends {describe(got)}")


def run(words, seeds):
    """One kind of interfaces a seed, with one worker and with two."""
    good = []
    for seed in seeds:
        kind = list(KINDS)[seed % len(KINDS)]
        for workers in (1, 2):
            title = f"route[seed {seed}, {kind}, {workers} worker{'s' if workers > 1 else ''}]"
            if not words or any(word in title for word in words):
                good.append(run_one(title, lambda place: compare(place, random.Random(seed), kind), workers))
    return good
