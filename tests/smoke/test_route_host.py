"""What a router's own stack answers, behind the TAPs; ids are those of tests/cases/router.tsv."""

import socket
import struct
import time

import frames
from lab import check, equal, stateful, wait_for
from test_route import A4, A6, B4, B6, answer_every_error, router

NEAR4, FAR4, NEAR6, FAR6 = "10.0.1.1", "10.0.2.1", "2001:db8:1::1", "2001:db8:2::1"
ALL6, ROUTERS6 = "ff02::1", "ff02::2"


def pack6(address):
    return socket.inet_pton(socket.AF_INET6, address)


def group_mac(address):
    """RFC 2464 7."""
    return b"\x33\x33" + pack6(address)[12:]


def solicited(address):
    """RFC 4291 2.7.1."""
    return socket.inet_ntop(socket.AF_INET6, pack6("ff02::1:ff00:0")[:13] + pack6(address)[13:])


class Talk:
    """Host A speaks to the router as a packet socket; what the router says to it is read from the same wire."""

    def __init__(self, lab):
        self.lab = lab
        self.a, self.b = router(lab)
        for address in (NEAR4, NEAR6, B4, B6):
            self.a.reaches(address)
        answer_every_error(lab)
        for name in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):  # and the stack's own
            lab.switch.sysctl(name, 0)
        self.wire, self.behind = lab.wire("a"), lab.wire("b")
        self.router = frames.mac(lab.switch.link("a")["address"])
        self.host = frames.mac(self.a.link("eth0")["address"])

    def send(self, packet, to=None, source=None):
        kind = frames.IPV4 if packet[0] >> 4 == 4 else 0x86DD
        self.wire.send(frames.frame(to or self.router, source or self.host, kind, packet))

    def arp(self, *words, to=frames.BROADCAST, source=None, cut=60):
        self.wire.send(frames.frame(to, source or self.host, frames.ARP, arp(*words))[:cut])

    def hears(self, wanted, what, kind=None):
        """The payload of the first frame of the router's that is wanted, without padding; kind: its ethertype."""
        def mine(data):
            return (data[6:12] == self.router and (kind is None or data[12:14] == struct.pack("!H", kind))
                    and wanted(trimmed(data)))
        data = self.wire.wait(mine)
        check(data, f"{what}: the router did not answer so")
        return trimmed(data)

    def is_silent_about(self, rows):
        """Nobody answers what the rows (name, function that sends) send: all that comes is the answer to an echo sent behind them."""
        time.sleep(0.05)
        self.wire.drain()
        for name, send in rows:
            send()
            self.send(frames.echo_request(A4, NEAR4, 77, 1))
            seen = []

            def last(data):
                if data[6:12] != self.router:
                    return False
                if data[12:14] == b"\x08\0" and data[23] == 1 and data[34] == 0 and data[38:40] == b"\0\x4d":
                    return True
                if not is_own_business(data):
                    seen.append(data)
                return False
            check(self.wire.wait(last), f"{name}: the echo behind it was not answered")
            seen += [data for data in self.wire.collect(0.05) if data[6:12] == self.router and not is_own_business(data)]
            equal([data.hex() for data in seen], [], f"{name}: answers")


def trimmed(data):
    """The packet in a frame."""
    if data[12:14] == b"\x08\0":
        return data[14:14 + struct.unpack_from("!H", data, 16)[0]]
    return data[14:54 + struct.unpack_from("!H", data, 18)[0]] if data[12:14] == b"\x86\xdd" else data[14:42]


def is_own_business(data):
    """What the router's stack asks of itself: ARP and neighbour requests, MLD, router solicitations."""
    if data[12:14] == b"\x08\x06":
        return data[20:22] == b"\0\x01"
    if data[12:14] != b"\x86\xdd":
        return False
    at = 62 if data[20] == 0 else 54
    return data[at] in (133, 135, 143)


def arp(operation, mac, sender, target, hardware=1, protocol=frames.IPV4, sizes=(6, 4)):
    return struct.pack("!HHBBH6s4s6s4s", hardware, protocol, *sizes, operation, mac, socket.inet_aton(sender), bytes(6),
                       socket.inet_aton(target))


def udp(source=5, destination=9, body=b"weft"):
    """Without a checksum."""
    return struct.pack("!HHHH", source, destination, 8 + len(body), 0) + body


def is_icmp(source, kind, code):
    """The packet is an ICMP message of the router's from that address."""
    return lambda packet: (packet[0] == 0x45 and packet[9] == 1 and packet[12:16] == socket.inet_aton(source)
                           and (packet[20], packet[21]) == (kind, code))


def is_icmp6(source, kind, code):
    return lambda packet: packet[0] >> 4 == 6 and packet[6] == 58 and packet[8:24] == pack6(source) and (packet[40], packet[41]) == (kind, code)


@stateful
def test_ipv4(lab):
    """F18, F18b, F18c, F18d, F18e, F19, F27, F29, F13: echo in all its forms, and errors of the host."""
    talk = Talk(lab)
    for address in (NEAR4, FAR4):
        body = struct.pack("!HH", 7, 9) + b"abcd"
        talk.send(frames.ipv4(A4, address, 1, frames.icmp4(8, 0, body), tos=0x10))
        echo = talk.hears(is_icmp(address, 0, 0), f"F18 {address}")
        equal((echo[1], echo[24:]), (0x10, body), "F18: TOS, identifier, sequence number and data")
    talk.send(frames.ipv4(A4, NEAR4, 1, frames.icmp4(8, 9, b"\0\x07\0\x09abcd")))
    talk.hears(is_icmp(NEAR4, 0, 9), "F18c")
    talk.send(frames.ipv4(A4, NEAR4, 1, frames.icmp4(13, 0, b"\0\x07\0\x09" + b"\0\0\0\x05" + bytes(8))))
    equal(talk.hears(is_icmp(NEAR4, 14, 0), "F18d")[24:32], b"\0\x07\0\x09\0\0\0\x05", "F18d: identifier, number and time")

    whole = frames.icmp4(8, 0, b"\0\x08\0\x01" + bytes(range(250)) * 12)
    parts = [(at, whole[at:at + 1400]) for at in range(0, len(whole), 1400)]
    for at, part in parts:
        talk.send(frames.ipv4(A4, NEAR4, 1, part, fragment=at // 8 | (0x2000 if at + 1400 < len(whole) else 0)))
    got = {}
    while sum(map(len, got.values())) < len(whole):
        piece = talk.hears(lambda p: p[9] == 1 and p[12:16] == socket.inet_aton(NEAR4), f"F18e after {sorted(got)}", frames.IPV4)
        got[(struct.unpack_from("!H", piece, 6)[0] & 0x1FFF) * 8] = piece[20:]
    answer = b"".join(got[at] for at in sorted(got))
    equal((len(got), answer[0], answer[4:]), (3, 0, whole[4:]), "F18e: pieces, type and data of the answer")

    talk.send(frames.ipv4(A4, B4, 17, udp(), ttl=1))
    talk.hears(is_icmp(NEAR4, 11, 0), "F27")
    for address in (NEAR4, FAR4):
        talk.send(frames.ipv4(A4, address, 17, udp()))
        talk.hears(is_icmp(address, 3, 3), "F29: a closed port of UDP")
        talk.send(frames.ipv4(A4, address, 253, b"weft"))
        talk.hears(is_icmp(address, 3, 2), "F29: an unknown protocol")
    syn = struct.pack("!HHIIBBHHH", 5, 9, 1, 0, 0x50, 2, 512, 0, 0)
    pseudo = socket.inet_aton(A4) + socket.inet_aton(NEAR4) + struct.pack("!HH", 6, len(syn))
    talk.send(frames.ipv4(A4, NEAR4, 6, syn[:16] + struct.pack("!H", frames.checksum(pseudo + syn)) + syn[18:]))
    reset = talk.hears(lambda p: p[9] == 6 and p[12:16] == socket.inet_aton(NEAR4), "F29: a closed port of TCP", frames.IPV4)
    equal(reset[33], 0x14, "F29: RST and ACK")
    talk.send(frames.ipv4(A4, "169.254.7.7", 17, udp()))
    talk.hears(is_icmp(NEAR4, 3, 0), "F13 169.254.7.7")
    talk.is_silent_about([
        ("F18b", lambda: talk.send(frames.ipv4(A4, NEAR4, 1, frames.icmp4(8, 0, b"\0\x07\0\x09abcd", wrong=1)))),
        ("F19", lambda: talk.send(frames.ipv4(A4, "10.0.1.255", 1, frames.icmp4(8, 0, b"\0\x07\0\x09abcd")), frames.BROADCAST)),
        ("F19, to all", lambda: talk.send(frames.ipv4(A4, "255.255.255.255", 1, frames.icmp4(8, 0, bytes(4))), frames.BROADCAST))])


@stateful
def test_arp(lab):
    """A01, A02, A02c, A03, A04, A07, A07e, A07g, A12: who is answered, and of whom an entry is made."""
    talk = Talk(lab)
    other = frames.mac("02:00:00:00:00:aa")

    def entry(address):
        return lab.switch.ip("neigh", "show", address, "dev", "a")

    def answered(name, address, to, target):
        answer = talk.hears(lambda p: p[6:8] == b"\0\x02" and p[14:18] == socket.inet_aton(address), name, frames.ARP)
        equal((answer[8:14], answer[18:24], answer[24:28]), (talk.router, to, socket.inet_aton(target)), f"{name}: who, and to whom")

    for name, address, to, sender in (
            ("A01, broadcast", NEAR4, frames.BROADCAST, A4), ("A01, unicast", NEAR4, talk.router, A4), ("A02c", FAR4, frames.BROADCAST, A4),
            ("A03", NEAR4, frames.BROADCAST, "0.0.0.0"), ("A07g", NEAR4, frames.BROADCAST, "192.0.2.9")):
        talk.arp(1, talk.host, sender, address, to=to)
        answered(name, address, talk.host, sender)
    talk.arp(1, frames.BROADCAST, A4, NEAR4, source=talk.host)
    check(talk.wire.wait(lambda d: d[:6] == frames.BROADCAST and d[6:12] == talk.router and d[20:22] == b"\0\x02"), "A07e: as Linux, to all")
    talk.arp(1, talk.host, A4, NEAR4)  # it is A's again
    answered("A01 again", NEAR4, talk.host, A4)
    rows = [("A02, another host", (1, talk.host, A4, "10.0.1.99"), {}), ("A02, a host behind", (1, talk.host, A4, B4), {}),
            ("A04, a request", (1, other, NEAR4, A4), {}), ("A04, gratuitous", (1, other, NEAR4, NEAR4), {}),
            ("A04, an answer", (2, other, NEAR4, NEAR4), {}),
            ("A07 hardware type 7", (1, other, "10.0.1.70", NEAR4, 7), {}),
            ("A07 protocol type 0x86dd", (1, other, "10.0.1.71", NEAR4, 1, 0x86DD), {}),
            ("A07 protocol length 16", (1, other, "10.0.1.72", NEAR4, 1, frames.IPV4, (6, 16)), {}),
            ("A07 opcode 9", (9, other, "10.0.1.73", NEAR4), {}), ("A07 sender IP multicast", (1, other, "224.0.0.9", NEAR4), {}),
            ("A07 target loopback", (1, other, "10.0.1.74", "127.0.0.1"), {}),
            ("A07 truncated at 30 bytes", (1, other, "10.0.1.75", NEAR4), {"cut": 30}),
            ("A12, of a host not known", (1, other, "10.0.1.66", "10.0.1.66"), {}),
            ("an answer that nobody asked for", (2, other, "10.0.1.67", NEAR4), {"to": talk.router})]
    talk.is_silent_about([(name, lambda words=words, how=how: talk.arp(*words, **how)) for name, words, how in rows])
    for address in (NEAR4, "224.0.0.9", "10.0.1.66", "10.0.1.67", *(f"10.0.1.{n}" for n in range(70, 76))):
        equal(entry(address), "", f"an entry of {address}")
    talk.arp(1, talk.host, "10.0.1.77", NEAR4)
    wait_for(lambda: frames.mac_text(talk.host) in entry("10.0.1.77"), "the entry of who asked")
    talk.arp(1, other, "10.0.1.77", "10.0.1.77")
    wait_for(lambda: frames.mac_text(other) in entry("10.0.1.77"), "A12: it is updated")
    talk.a.reaches(B4)


def test_resolution(lab):
    """A10, A11, A13: about one request a second; an old entry is asked by unicast before it is given up; a host that moves is followed."""
    talk = Talk(lab)
    there = frames.mac(talk.b.link("eth0")["address"])

    def asked(data, address):
        return data[12:14] == b"\x08\x06" and data[20:22] == b"\0\x01" and data[38:42] == socket.inet_aton(address)

    for name, value in (("base_reachable_time_ms", 1000), ("delay_first_probe_time", 1), ("locktime", 0)):
        lab.switch.sysctl(f"net.ipv4.neigh.b.{name}", value)
    lab.switch.ip("neigh", "del", B4, "dev", "b")  # the timer of this one runs for half a minute
    talk.a.reaches(B4)
    talk.behind.drain()
    for _ in range(20):
        talk.send(frames.ipv4(A4, "10.0.2.200", 17, udp()))
        time.sleep(0.12)
    count = len([1 for data in talk.behind.drain() if asked(data, "10.0.2.200")])
    check(2 <= count <= 3, f"A10: {count} requests in 2.4 s")
    lab.switch.sysctl("net.ipv4.neigh.b.retrans_time_ms", 100)

    def polls():
        talk.send(frames.ipv4(A4, B4, 17, udp()))
        return [data[:6] for data in talk.behind.collect(0.1) if asked(data, B4)]
    equal(wait_for(polls, "A11: a request about an entry that grows old", 10), [there], "A11: to whom it goes")
    moved = frames.mac("02:00:00:00:00:bb")
    talk.b.ip("link", "set", "dev", "eth0", "arp", "off")
    talk.behind.send(frames.frame(frames.BROADCAST, moved, frames.ARP, arp(1, moved, B4, FAR4)))
    check(talk.behind.wait(lambda data: data[:6] == moved and data[20:22] == b"\0\x02"), "A13: its own request is answered")
    requests = []

    def goes_to(mac):
        talk.send(frames.ipv4(A4, B4, 17, udp(body=b"moved")))
        got = talk.behind.collect(0.1)
        requests.extend(data[:6] for data in got if asked(data, B4))
        return any(data[:6] == mac and data[42:47] == b"moved" for data in got)
    wait_for(lambda: goes_to(moved), "A13: packets to the new address", 2)
    # Nobody there answers: the entry is given up.
    wait_for(lambda: not goes_to(moved) and frames.BROADCAST in requests, "A11: requests to all again", 15)
    equal(requests[:requests.index(frames.BROADCAST)][:3], [moved] * 3, "A11: requests before")
    talk.b.ip("link", "set", "dev", "eth0", "arp", "on")
    wait_for(lambda: goes_to(there), "A11: packets to B again")


def solicitation(target, source=A6, to=None, options=b"", code=0, hops=255, wrong=0):
    """A neighbour solicitation (RFC 4861 4.3) as a packet."""
    to = to or solicited(target)
    return frames.ipv6(source, to, 58, frames.icmp6(source, to, 135, code, bytes(4) + pack6(target) + options, wrong), hops)


@stateful
def test_neighbour_discovery(lab):
    """V08, V08b, V08c, V08d, V08f, V08i, V10, V25: RFC 4861 7.1.1 and 7.2.4, RFC 4862 5.4.3; groups that a router joins."""
    talk = Talk(lab)
    mine, theirs = b"\1\1" + talk.host, b"\2\1" + talk.router
    near = group_mac(solicited(NEAR6))

    def heard(name, to):
        packet = talk.hears(is_icmp6(NEAR6, 136, 0), name)
        equal((packet[7], packet[24:40], packet[48:64]), (255, pack6(to), pack6(NEAR6)), f"{name}: hop limit, whom, and about whom")
        return packet[44] & 0xE0, packet[64:]

    talk.send(solicitation(NEAR6, options=mine), near)
    equal(heard("V08", A6), (0xE0, theirs), "V08: flags and options")
    talk.send(solicitation(NEAR6, "::"), near)
    equal(heard("V08c", ALL6), (0xA0, theirs), "V08c: flags and options")
    talk.send(solicitation(NEAR6, to=NEAR6))
    equal(heard("V08i", A6), (0xC0, b""), "V08i: flags and options")
    rows = [("V08b, hop limit 254", solicitation(NEAR6, options=mine, hops=254)),
            ("V08b, a wrong sum", solicitation(NEAR6, options=mine, wrong=1)),
            ("V08b, code 1", solicitation(NEAR6, options=mine, code=1)),
            ("V08b, a group as target", solicitation(ALL6, to=solicited(NEAR6), options=mine)),
            ("V08b, an option of no length", solicitation(NEAR6, options=b"\1\0" + talk.host)),
            ("V08d", solicitation(NEAR6, "::", options=mine)),
            ("V08f", solicitation("2001:db8:1::99", to=solicited(NEAR6), options=mine))]
    rows = [(name, lambda packet=packet: talk.send(packet, near)) for name, packet in rows]
    ask = frames.ipv6("fe80::9", ROUTERS6, 58, frames.icmp6("fe80::9", ROUTERS6, 133, 0, bytes(4)), 255)
    talk.is_silent_about([*rows, ("V10", lambda: talk.send(ask, group_mac(ROUTERS6)))])

    groups = lab.switch.ip("maddr", "show", "dev", "a")
    for group in (ALL6, ROUTERS6, solicited(NEAR6)):
        check(f"inet6 {group}" in groups, f"V25: {group} is not among {groups}")
    talk.wire.drain()
    lab.weft("ip", "addr", "add", "2001:db8:1::ab:cdef/64", "dev", "a", "nodad")
    joined = pack6(solicited("2001:db8:1::ab:cdef"))
    check(talk.wire.wait(lambda d: d[12:14] == b"\x86\xdd" and d[20] == 0 and d[62] == 143 and joined in d[62:], 4), "V25: a report of MLDv2")


@stateful
def test_ipv6(lab):
    """V12, V13, V13b, V15, V17, V17b, V22, V07e, V07g: echo, errors and fragments of the host; sources that are forwarded as in Linux."""
    talk = Talk(lab)
    asks = frames.icmp6(A6, NEAR6, 128, 0, b"\0\3\0\1" + bytes(range(56)))

    def is_answer(packet):
        return is_icmp6(NEAR6, 129, 0)(packet) and packet[44:] == asks[4:]

    routing = struct.pack("!BBBBI", 17, 2, 0, 1, 0) + pack6(B6)
    talk.send(frames.ipv6(A6, NEAR6, 43, routing + udp()))
    equal(talk.hears(is_icmp6(NEAR6, 4, 0), "V12")[44:48], b"\0\0\0\x2a", "V12: the pointer")
    talk.send(frames.ipv6(A6, NEAR6, 253, b"weftweft"))
    equal(talk.hears(is_icmp6(NEAR6, 4, 1), "V13")[44:48], b"\0\0\0\x06", "V13: the pointer")
    body = struct.pack("!HHHH", 5, 9, 12, 0) + b"weft"
    sum_of = frames.checksum(pack6(A6) + pack6(NEAR6) + struct.pack("!II", 12, 17) + body)
    talk.send(frames.ipv6(A6, NEAR6, 17, body[:6] + struct.pack("!H", sum_of) + body[8:]))
    talk.hears(is_icmp6(NEAR6, 1, 4), "V13b")
    talk.send(frames.ipv6(A6, NEAR6, 58, asks))
    talk.hears(is_answer, "V15")
    to_all = frames.ipv6(A6, ALL6, 58, frames.icmp6(A6, ALL6, 128, 0, b"\0\4\0\1"))
    talk.send(to_all, group_mac(ALL6))
    talk.hears(lambda p: p[6] == 58 and p[40] == 129 and p[44:46] == b"\0\4", "V15, to all", 0x86DD)

    def piece(begin, end, number, more):
        return frames.ipv6(A6, NEAR6, 44, struct.pack("!BBHI", 58, 0, begin | more, number) + asks[begin:end])
    talk.send(piece(0, 64, 5, 0))
    talk.hears(is_answer, "V17")
    for begin, end, more in ((0, 32, 1), (32, 64, 0)):
        talk.send(piece(begin, end, 6, more))
    talk.hears(is_answer, "V17b, without overlap")

    def overlap():
        for begin, end, more in ((0, 32, 1), (24, 48, 1), (48, 64, 0)):
            talk.send(piece(begin, end, 7, more))
    talk.is_silent_about([("V15, a wrong sum", lambda: talk.send(frames.ipv6(A6, NEAR6, 58, frames.icmp6(A6, NEAR6, 128, 0, b"\0\3\0\1", 1)))),
                          ("V17b", overlap)])
    for name, source, to, arrives in (("V22", A6, group_mac(ALL6), 0), ("V07e", "::ffff:10.0.1.2", None, 1), ("V07g", NEAR6, None, 1)):
        talk.behind.drain()
        talk.send(frames.ipv6(source, B6, 17, udp(body=name.encode())), to)
        talk.send(frames.ipv6(A6, B6, 17, udp(body=b"behind")))
        got = []
        check(talk.behind.wait(lambda d: d[62:68] == b"behind" or got.append(d)), f"{name}: the packet behind it")
        equal(len([1 for data in got if data[62:62 + len(name)] == name.encode()]), arrives, f"{name}: packets forwarded")


@stateful
def test_a_link_of_two_addresses(lab):
    """F31, RFC 3021: both addresses of a /31 answer, and neither is a broadcast."""
    a, b = router(lab, "ip addr add 10.64.0.0/31 dev b\n")
    b.ip("addr", "add", "10.64.0.1/31", "dev", "eth0")
    for address in ("10.64.0.0", "10.64.0.1"):
        a.reaches(address)
        equal(lab.switch.ping("10.64.0.1", 1), 1, "answers of the other end")
    check("broadcast" not in lab.switch.ip("route", "show", "table", "local", "match", "10.64.0.1"), "a broadcast address")


@stateful
def test_a_dummy_and_a_pair(lab):
    """A dummy's addresses are reached from a port, as hosts behind a bridge on a veth end; each in both families."""
    a, b = router(lab, "ip link add d0 up type dummy\nip addr add 10.7.0.1/24 dev d0\nip addr add 2001:db8:7::1/64 dev d0 nodad\n"
                  "ip link add v0 up type veth peer name v1\nip link set v1 up\nip addr add 10.9.0.1/24 dev v0\n"
                  "ip addr add 2001:db8:9::1/64 dev v0 nodad\nip link add br0 up type bridge\nip link set v1 master br0\n")
    c = lab.host("c", "10.9.0.2/24")
    c.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
    c.ip("addr", "add", "2001:db8:9::2/64", "dev", "eth0", "nodad")
    c.ip("route", "add", "default", "via", "10.9.0.1"), c.ip("-6", "route", "add", "default", "via", "2001:db8:9::1")
    lab.weft("port", "add", "c", "up", "type", "af_packet", "dev", "vc")
    lab.weft("ip", "link", "set", "c", "master", "br0")
    for address in ("10.7.0.1", "2001:db8:7::1", "10.9.0.1", "2001:db8:9::1", "10.9.0.2", "2001:db8:9::2"):
        a.reaches(address)
        equal(a.ping(address, 10, 0.01), 10, f"answers of {address}")
    for address in ("10.7.0.1", B4, B6):
        c.reaches(address)
    # What is routed to the dummy's network and is nobody's is taken by it.
    before = lab.json("ip", "-s", "link", "show", "dev", "d0")[0]["stats64"]["tx"]["packets"]
    lab.switch.ip("neigh", "add", "10.7.0.9", "lladdr", "02:00:00:00:07:09", "dev", "d0")
    a.ping("10.7.0.9", 2)
    wait_for(lambda: lab.json("ip", "-s", "link", "show", "dev", "d0")[0]["stats64"]["tx"]["packets"] - before >= 2, "the dummy counts them")


@stateful
def test_too_big_for_two_tags(lab):
    """F07, V05: before a frame of the device's MTU a packet socket takes one tag: what is routed behind two is told of 4 bytes less."""
    a, _ = router(lab, "ip link add link b name b.s up type vlan proto 802.1ad id 100\nip link add link b.s name b.s.5 up type vlan id 5\n"
                  "ip addr add 10.62.0.1/24 dev b.s.5\nip addr add 2001:db8:62::1/64 dev b.s.5 nodad\n")
    answer_every_error(lab)
    behind, wire = lab.wire("b"), lab.wire("a")
    mac = "02:00:00:00:62:02"
    tags = frames.tag(100, tpid=frames.SERVICE) + frames.tag(5)
    for address, head, near in (("10.62.0.2", 28, NEAR4), ("2001:db8:62::2", 48, NEAR6)):
        lab.switch.ip("neigh", "add", address, "lladdr", mac, "dev", "b.s.5")
        a.reaches(near)

        def leaves(size):
            wire.drain(), behind.drain()
            a.ping(address, 1, size=size - head, options=("-M", "do", "-W", "0.2"))
            return [len(data) for data in behind.drain() if data[:6] == frames.mac(mac) and data[12:20] == tags]
        wait_for(lambda: leaves(1496) == [1518], f"{address}: the longest packet leaves")
        equal(leaves(1497), [], f"{address}: a longer one")
        told = [data for data in wire.drain() if data[12:14] == b"\x08\0" and data[34:36] == b"\3\4" or data[12:14] == b"\x86\xdd" and data[54:56] == b"\2\0"]
        equal([data[40:42] if ":" not in address else data[58:62] for data in told],
              [struct.pack("!H", 1496) if ":" not in address else struct.pack("!I", 1496)], f"{address}: the MTU that is told")
    equal(lab.drops("egress/ring_full"), 0, "frames that the device refused")
