"""Routing between hosts, configured by the kernel's own `ip` on the TAPs; ids are those of tests/cases/router.tsv."""

import ctypes
import json
import os
import re
import socket
import struct
import subprocess
import time

import frames
from lab import check, equal, port_line, stateful, wait_for
from test_ports import Pings
from tuntap import Program

A4, B4, A6, B6 = "10.0.1.2", "10.0.2.2", "2001:db8:1::2", "2001:db8:2::2"


def router(lab, config="", hosts="ab", mtu=None):
    """Hosts a, b, … behind ports of their names, with addresses and default routes of both families."""
    for number, role in enumerate(hosts, 1):
        host = lab.host(role, f"10.0.{number}.2/24", mtu=mtu)
        host.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
        host.ip("addr", "add", f"2001:db8:{number}::2/64", "dev", "eth0", "nodad")
        host.ip("route", "add", "default", "via", f"10.0.{number}.1")
        host.ip("-6", "route", "add", "default", "via", f"2001:db8:{number}::1")
    lab.weftd("".join(port_line(role, f"mtu {mtu}" if mtu else "") for role in hosts)
              + "".join(f"ip addr add 10.0.{number}.1/24 dev {role}\nip addr add 2001:db8:{number}::1/64 dev {role} nodad\n"
                        for number, role in enumerate(hosts, 1)) + config)
    return [lab.namespaces[role] for role in hosts]


def answer_every_error(lab):
    """No rate limit: errors about packets that were held while neighbours were asked for would have used up the burst."""
    lab.weft("sysctl", "-w", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")


def forwarded(lab):
    """Packets that the routing stages passed on, over all workers."""
    stages = "ip_forward", "route_batch", "route_input"
    return sum(row["packets"] for row in lab.json("show", "runtime") if row["stage"] in stages)


@stateful
def test_between_two_networks(lab):
    """Both families, through weft's workers and not through the kernel; the kernel's own addresses answer."""
    a, b = router(lab)
    for address in (B4, B6, "10.0.1.1", "10.0.2.1", "2001:db8:1::1", "2001:db8:2::1"):
        a.reaches(address)
    before = forwarded(lab)
    for address in (B4, B6):
        equal(a.ping(address, 20, 0.01), 20, f"answers of {address}")
    check(forwarded(lab) - before >= 80, "the workers did not forward them")
    equal(a.ping(B4, 5, 0.05, 3000), 5, "answers to datagrams in fragments")
    equal(a.ping(B6, 5, 0.05, 3000), 5, "the same of IPv6")


@stateful
def test_an_address_entered_again_in_the_kernel(lab):
    """Somebody deletes an address of weft's with the kernel's `ip` and enters it again: no later command minds, the interface goes
    down and up; one that is only deleted can be added again."""
    a, b = router(lab)
    a.reaches(B4)
    for word in ("del", "add"):
        lab.switch.ip("addr", word, "10.0.2.1/24", "dev", "b")
    lab.weft("ip", "link", "set", "a", "mtu", "1400")
    lab.weft("ip", "route", "add", "10.77.0.0/16", "via", B4)
    for state in ("down", "up"):
        lab.switch.ip("link", "set", "dev", "b", state)
        wait_for(lambda: json.loads(lab.weft("-j", "ip", "link", "show", "dev", "b"))[0]["operstate"] == state.upper(), f"b is {state}")
    lab.switch.ip("addr", "replace", "10.0.2.1/24", "dev", "b")
    b.reaches("10.0.2.1")
    a.reaches(B4)
    lab.switch.ip("addr", "del", "10.0.1.1/24", "dev", "a")
    lab.weft("ip", "addr", "add", "10.0.1.1/24", "dev", "a")
    check("10.0.1.1/24" in lab.switch.ip("-o", "addr", "show", "dev", "a"), "the kernel has it again")
    lab.weft("ip", "addr", "add", "10.0.1.1/24", "dev", "a", status=2)
    a.reaches(B4)


class Stopped:
    """The thread that mirrors the kernel's routes stands still; the others run."""

    SEIZE, INTERRUPT, DETACH, ALL = 0x4206, 0x4207, 17, 0x40000000

    def __init__(self, daemon):
        tasks = f"/proc/{daemon.process.pid}/task"
        (self.thread,) = (int(name) for name in os.listdir(tasks) if open(f"{tasks}/{name}/comm").read().strip() == "weft-routes")

    def __enter__(self):
        self.trace(self.SEIZE)
        self.trace(self.INTERRUPT)
        os.waitpid(self.thread, self.ALL)

    def __exit__(self, *_):
        self.trace(self.DETACH)

    def trace(self, request):
        libc = ctypes.CDLL(None, use_errno=True)
        libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        check(libc.ptrace(request, self.thread, None, None) == 0, os.strerror(ctypes.get_errno()))


def lost_notifications(lab):
    """Of the netlink sockets of the TAPs' namespace."""
    table = [line.split() for line in lab.switch.run("cat", "/proc/net/netlink").splitlines()]
    return sum(int(line[table[0].index("Drops")]) for line in table[1:])


def test_traffic_while_notifications_are_lost(lab):
    """ENOBUFS: the kernel says more than the mirror reads. Workers go on by what they know, and at the end know what the kernel does."""
    a, b = router(lab, "ip route add 198.51.100.0/24 via 10.0.2.2\n")
    for address in ("198.51.100.1", "203.0.113.1"):
        b.ip("addr", "add", f"{address}/32", "dev", "lo")
    a.reaches("198.51.100.1")
    a.reaches(B6)
    lab.weft("ip", "route", "add", "192.0.2.0/24", "via", B4)
    pings = [Pings(lab, a, address) for address in ("198.51.100.1", B6)]
    one = "".join(f"route add 172.{16 + n // 256}.{n % 256}.0/24 via {B4}\n" for n in range(2000))
    many = lab.file("many", (one + one.replace("route add", "route del")) * 45)
    sent = forwarded(lab)
    with Stopped(lab.daemons[0]):
        lab.switch.ip("-batch", many)
        check(lost_notifications(lab) > 0, "the socket took all")
        lab.switch.ip("route", "del", "192.0.2.0/24")
        lab.switch.ip("route", "add", "203.0.113.0/24", "via", B4)
        equal(a.ping("198.51.100.1", 20, 0.01), 20, "answers while the mirror stands still")
    equal(a.ping("198.51.100.1", 20, 0.01), 20, "answers while it reads everything again")
    a.reaches("203.0.113.1")
    wait_for(lambda: "Network is unreachable" in lab.refused("ip", "route", "get", "192.0.2.1"), "the lost removal is made up for")
    equal([ping.lost() for ping in pings], [0, 0], "lost echoes")
    check(forwarded(lab) - sent >= 80, "the workers did not forward them")


@stateful
def test_a_lost_address_that_the_kernel_refuses(lab):
    """What is added again and not taken (net/ipv6/addrconf.c: no IPv6 on the device) ends with the kernel's reason; it is logged
    once, and once more after it was deleted and added."""
    router(lab)
    address = ["2001:db8:2::1/64", "dev", "b"]
    complaint = "address 2001:db8:2::1/64: Permission denied"

    def complaints():
        return sum("it is left as it is" in line for line in lab.daemons[0].log)

    lab.switch.sysctl("net.ipv6.conf.b.disable_ipv6", 1)
    for _ in range(2):
        check(complaint in lab.refused("ip", "addr", "add", *address), "the kernel's reason")
    lab.weft("ip", "link", "set", "a", "mtu", "1400")
    equal(complaints(), 1, "lines of the log")
    lab.switch.sysctl("net.ipv6.conf.b.disable_ipv6", 0)
    lab.weft("ip", "addr", "add", *address)
    check("2001:db8:2::1/64" in lab.switch.ip("-o", "addr", "show", "dev", "b"), "the kernel has it again")
    lab.switch.sysctl("net.ipv6.conf.b.disable_ipv6", 1)
    check(complaint in lab.refused("ip", "addr", "add", *address), "the kernel's reason")
    equal(complaints(), 2, "lines of the log")
    lab.weft("ip", "addr", "del", *address)
    check(complaint in lab.refused("ip", "addr", "add", *address), "a new one is refused, too")


@stateful
def test_replaced_routes(lab):
    """net/ipv4/fib_trie.c, fib_table_insert: a route takes the place of the first one of its prefix and metric, also where no packet
    sees the difference; but weft never takes out another's."""
    a, b = router(lab)
    b.ip("addr", "add", "198.51.100.1/32", "dev", "lo")
    lab.weft("ip", "route", "add", "default", "via", B4)
    a.reaches("198.51.100.1")
    for words in (["advmss", "1360"], ["mtu", "lock", "1300"], ["initcwnd", "20"], []):
        lab.weft("ip", "route", "replace", "default", "via", B4, *words)
        a.reaches("198.51.100.1")
    prefix = "198.51.100.0/24"

    def gateways():
        return [route["gateway"] for route in json.loads(lab.switch.ip("-j", "route", "show", prefix))]

    lab.weft("ip", "route", "add", prefix, "via", "10.0.1.9")
    lab.weft("ip", "route", "append", prefix, "via", B4)
    lab.weft("ip", "route", "replace", prefix, "via", "10.0.1.5")
    equal(gateways(), ["10.0.1.5", B4], "the first one is replaced")
    lab.switch.ip("route", "prepend", prefix, "via", "10.0.2.7")
    lab.weft("ip", "route", "replace", prefix, "via", "10.0.1.6")
    equal(sorted(gateways()), ["10.0.1.6", B4, "10.0.2.7"], "another's stays")


@stateful
def test_held_until_resolved(lab):
    """A09: the first packets to a host that nobody has asked for yet arrive, in order."""
    a, b = router(lab)
    a.reaches("10.0.1.1")
    wire = lab.wire("b")
    mac = frames.mac(lab.json("ip", "link", "show", "a")[0]["address"])
    sender = lab.wire("a")
    for number in range(5):
        body = struct.pack("!HHHH", 1000, 2000, 12, 0) + b"no%02d" % number
        sender.send(frames.frame(mac, frames.mac(a.link("eth0")["address"]), frames.IPV4, frames.ipv4(A4, B4, 17, body)))
    got = wire.collect(1.5, lambda data: b"no0" in data)
    equal([data[42:46] for data in got], [b"no%02d" % number for number in range(5)], "what arrived")


@stateful
def test_nobody_there(lab):
    """F06, V04: a host that does not answer ARP or ND: host unreachable, after the kernel's probes."""
    a, b = router(lab)
    a.reaches("10.0.2.1"), a.reaches("2001:db8:2::1")
    for address, words in (("10.0.2.77", "Destination Host Unreachable"), ("2001:db8:2::77", "Address unreachable")):
        shown = a.run("ping", "-n", "-c", "1", "-W", "8", "-w", "8", address, status=None, timeout=20)
        check(f"From {'2001:db8:1::1' if ':' in address else '10.0.1.1'}" in shown and words in shown, shown)


@stateful
def test_traceroute_and_path_mtu(lab):
    """F02, F07, V02, V05: each router on the way answers; a smaller MTU behind it is found."""
    a, b = router(lab)
    answer_every_error(lab)
    for address in (B4, B6):
        a.reaches(address)
        first = "2001:db8:1::1" if ":" in address else "10.0.1.1"
        shown = a.run("ping", "-n", "-c", "1", "-t", "1", "-W", "2", address, status=None)
        check(f"From {first}" in shown and ("Time to live exceeded" in shown or "Hop limit" in shown), shown)
    lab.weft("ip", "link", "set", "b", "mtu", "1400")
    b.ip("link", "set", "eth0", "mtu", "1400")
    for address, overhead in ((B4, 28), (B6, 48)):
        shown = a.run("ping", "-n", "-c", "2", "-i", "0.2", "-M", "do", "-s", str(1500 - overhead), "-W", "2", address, status=None)
        check("mtu=1400" in shown or "mtu: 1400" in shown or "mtu = 1400" in shown or "Packet too big" in shown, shown)
        equal(a.ping(address, 2, 0.1, 1400 - overhead, ("-M", "do")), 2, f"answers of {address} at the MTU found")
    equal(a.ping(B4, 2, 0.1, 2000, ("-M", "dont")), 2, "answers in fragments of the router's")


@stateful
def test_the_kernel_decides_the_routes(lab):
    """Routes that an administrator enters on the TAPs, changes and removes are obeyed at once."""
    a, b = router(lab)
    b.ip("addr", "add", "198.51.100.1/32", "dev", "lo"), b.ip("addr", "add", "2001:db8:99::1/128", "dev", "lo")
    for address, via, words in (("198.51.100.1", B4, []), ("2001:db8:99::1", B6, ["-6"])):
        a.reaches("10.0.1.1")
        equal(a.ping(address, 1), 0, f"answers of {address} without a route")
        lab.switch.ip(*words, "route", "add", address, "via", via)
        a.reaches(address)
        lab.switch.ip(*words, "route", "replace", "blackhole", address)
        wait_for(lambda: a.ping(address, 1) == 0, "the blackhole takes them")
        lab.switch.ip(*words, "route", "del", "blackhole", address)
        lab.switch.ip(*words, "route", "add", address, "via", via, "dev", "b")
        a.reaches(address)
    lab.switch.ip("link", "set", "dev", "b", "down")
    wait_for(lambda: a.ping("198.51.100.1", 1) == 0, "the route goes with its link")
    lab.switch.ip("link", "set", "dev", "b", "up")
    a.reaches(B4)
    lab.switch.ip("route", "add", "198.51.100.1", "via", B4)
    a.reaches("198.51.100.1")


@stateful
def test_next_hop_objects(lab):
    """Routes by next-hop objects and groups; what goes with an object without a word is gone."""
    a, b, c = router(lab, hosts="abc")
    for host in (b, c):
        host.ip("addr", "add", "198.51.100.1/32", "dev", "lo")
    for number, (via, device) in enumerate(((B4, "b"), ("10.0.3.2", "c")), 1):
        lab.switch.ip("nexthop", "add", "id", str(number), "via", via, "dev", device)
    lab.switch.ip("nexthop", "add", "id", "10", "group", "1/2")
    lab.switch.ip("route", "add", "198.51.100.1", "nhid", "10")
    a.reaches("198.51.100.1")
    lab.switch.ip("nexthop", "del", "id", "1")
    wait_for(lambda: a.ping("198.51.100.1", 5, 0.02) == 5, "the other member takes over")
    lab.switch.ip("nexthop", "del", "id", "2")
    wait_for(lambda: a.ping("198.51.100.1", 1) == 0, "the route goes with its last next hop")


@stateful
def test_rules(lab):
    """`ip rule`: another table by source, prohibited by a rule; a selector weft lacks is said at once."""
    a, b, c = router(lab, hosts="abc")
    for host in (b, c):
        host.ip("addr", "add", "198.51.100.1/32", "dev", "lo")
    a.ip("addr", "add", "10.0.1.9/24", "dev", "eth0")
    lab.switch.ip("route", "add", "198.51.100.1", "via", B4)
    lab.switch.ip("route", "add", "198.51.100.1", "via", "10.0.3.2", "table", "77")
    a.reaches("198.51.100.1")
    lab.switch.ip("rule", "add", "from", "10.0.1.9", "table", "77", "priority", "500")
    seen = lab.wire("c")
    wait_for(lambda: a.ping("198.51.100.1", 1, options=("-I", "10.0.1.9")) == 1
             and seen.collect(0.1, lambda data: data[26:30] == socket.inet_aton("10.0.1.9")), "the other table's way")
    lab.switch.ip("rule", "add", "from", "10.0.1.9", "prohibit", "priority", "400")
    shown = wait_for(lambda: (text := a.run("ping", "-n", "-c", "1", "-W", "1", "-I", "10.0.1.9", "198.51.100.1", status=None))
                     and "Packet filtered" in text and text, "the prohibiting rule")
    check("From 10.0.1.1" in shown, shown)
    lab.switch.ip("rule", "add", "uidrange", "5-9", "table", "77", "priority", "300")
    wait_for(lambda: any("uidrange" in line or "uid" in line for line in lab.daemons[0].log), "a warning of the selector")


@stateful
def test_routes_of_a_tos_or_a_source(lab):
    """IPv4 routes with a TOS, IPv6 routes with a source prefix, written by weft's words and by the kernel's own."""
    a, b, c = router(lab, hosts="abc")
    for host in (b, c):
        host.ip("addr", "add", "198.51.100.1/32", "dev", "lo")
        host.ip("addr", "add", "2001:db8:f::1/128", "dev", "lo")
    a.ip("addr", "add", "2001:db8:1::9/64", "dev", "eth0", "nodad")
    lab.weft("ip", "route", "add", "198.51.100.0/24", "via", B4)
    lab.weft("ip", "route", "add", "198.51.100.0/24", "tos", "0x10", "via", "10.0.3.2")
    lab.weft("ip", "-6", "route", "add", "2001:db8:e::/47", "via", B6)
    lab.switch.ip("-6", "route", "add", "2001:db8:f::/48", "from", "2001:db8:1::8/127", "via", "2001:db8:3::2")

    def ways(address, *options):
        """Behind which ports its echoes come out."""
        wires = {role: lab.wire(role) for role in "bc"}
        wait_for(lambda: a.ping(address, 1, options=options) == 1, f"answers of {address}")
        return {role for role, wire in wires.items()
                if wire.collect(0.1, lambda data: data[12:14] == b"\x08\0" and data[23] == 1 and data[34] == 8
                                or data[12:14] == b"\x86\xdd" and data[20] == 58 and data[54] == 128)}

    for address, options, way in (("198.51.100.1", (), "b"), ("198.51.100.1", ("-Q", "0x10"), "c"),
                                  ("198.51.100.1", ("-Q", "0x08"), "b"), ("2001:db8:f::1", ("-I", A6), "b"),
                                  ("2001:db8:f::1", ("-I", "2001:db8:1::9"), "c")):
        equal(ways(address, *options), {way}, f"ping {address} {' '.join(options)}")
    saved = lab.weft("save")
    check("ip route add 198.51.100.0/24 tos 0x10 via 10.0.3.2\n" in saved and "from" not in saved, saved)
    lab.switch.ip("route", "del", "198.51.100.0/24", "tos", "0x10")
    wait_for(lambda: ways("198.51.100.1", "-Q", "0x10") == {"b"}, "the way without it")


@stateful
def test_sources_of_a_network_of_ours(lab):
    """With a local route of a whole network (AnyIP) nobody else may speak from there: fib_validate_source, whatever rp_filter is."""
    a, _ = router(lab)
    a.ip("addr", "add", "10.77.1.1/32", "dev", "lo")

    def forwarded():
        wire = lab.wire("b")
        a.ping(B4, 1, options=("-I", "10.77.1.1"))
        return bool(wire.collect(0.1, lambda data: data[12:14] == b"\x08\0" and data[26:30] == bytes((10, 77, 1, 1))))

    wait_for(forwarded, "a source to which no route leads")
    lab.switch.ip("route", "add", "local", "10.77.0.0/16", "dev", "lo")
    wait_for(lambda: not forwarded(), "the network is ours")
    check("route/martian_source" in lab.weft("show", "drops"), lab.weft("show", "drops"))
    lab.switch.ip("route", "del", "local", "10.77.0.0/16", "dev", "lo")
    wait_for(forwarded, "it is not ours any more")


@stateful
def test_a_managed_neighbour(lab):
    """NTF_EXT_MANAGED: the kernel resolves it before anybody asks and keeps it so; weft shows what iproute2 shows."""
    a, b = router(lab)
    for name, value in (("base_reachable_time_ms", 1000), ("delay_first_probe_time", 1), ("interval_probe_time_ms", 1000)):
        lab.switch.sysctl(f"net.ipv4.neigh.b.{name}", value)
    lab.weft("ip", "neigh", "replace", B4, "dev", "b", "managed")

    def shown():
        text = lab.switch.ip("neigh", "show", B4, "dev", "b")
        return text == lab.weft("ip", "neigh", "show", B4, "dev", "b") and text
    wait_for(lambda: (text := shown()) and "managed" in text and "REACHABLE" in text, "the managed neighbour")
    check(f"ip neigh add {B4} dev b managed\n" in lab.weft("save"), "what is saved")
    states, end = set(), time.monotonic() + 3
    while time.monotonic() < end:
        states.add(next(word for word in lab.switch.ip("neigh", "show", B4, "dev", "b").split() if word.isupper()))
        time.sleep(0.05)
    check(states <= {"REACHABLE", "DELAY", "PROBE", "STALE"}, f"{states}: it was lost")
    lab.weft("ip", "neigh", "del", B4, "dev", "b")
    check("managed" not in lab.switch.ip("neigh", "show", B4, "dev", "b"), "it is still managed")


@stateful
def test_vlans_and_a_bridge(lab):
    """Sub-interfaces of a trunk and a bridge's own interface route; iperf3 with the hosts' offloads on."""
    a, b = router(lab, "ip link add br0 up type bridge\nip addr add 10.0.9.1/24 dev br0\n"
                  "ip link add link b name b.7 up type vlan id 7\nip addr add 10.0.7.1/24 dev b.7\n")
    c = lab.host("c", "10.0.9.2/24")
    c.ip("route", "add", "default", "via", "10.0.9.1")
    for line in (port_line("c").split(), "ip link set c master br0".split()):
        lab.weft(*line)
    a.reaches("10.0.9.2")
    c.reaches(A4)
    server = lab.start(c, "iperf3", "-s", "-1", "-B", "10.0.9.2")
    time.sleep(0.5)
    done = json.loads(a.run("iperf3", "-c", "10.0.9.2", "-t", "2", "-J", timeout=30))
    check(done["end"]["sum_received"]["bits_per_second"] > 1e7, f"{done['end']['sum_received']}")
    server.wait(5)
    # a frame of VLAN 7, as this kernel has no VLAN devices
    wire, mac = lab.wire("b"), frames.mac(lab.json("ip", "link", "show", "b.7")[0]["address"])
    station = frames.mac("02:77:00:00:00:07")
    lab.switch.ip("neigh", "add", "10.0.7.2", "lladdr", frames.mac_text(station), "dev", "b.7")
    wire.send(frames.frame(mac, station, frames.IPV4, frames.echo_request("10.0.7.2", A4), frames.tag(7)))
    answer = wire.wait(lambda data: data[:6] == station and data[12:14] == b"\x81\0")
    check(answer and struct.unpack_from("!H", answer, 14)[0] & 0xFFF == 7 and answer[18 + 8] == 63, "the answer in VLAN 7")


@stateful
def test_a_program_is_a_next_hop(lab):
    """TUN: the program gets what is routed to it, and what it sends is routed."""
    a, b = router(lab, "ip tuntap add dev tun0 mode tun\nip link set dev tun0 up\nip addr add 10.3.0.1/24 dev tun0\n")
    tun = Program(lab.switch, "tun0", tun=True)
    try:
        wait_for(lambda: "LOWER_UP" in lab.json("ip", "link", "show", "dev", "tun0")[0]["flags"], "carrier of an open device")
        lab.switch.ip("route", "add", "198.51.100.0/24", "via", "10.3.0.2", "dev", "tun0")
        a.reaches("10.0.1.1")
        sent = lab.start(a, "ping", "-n", "-c", "1", "-W", "3", "198.51.100.7")
        request = tun.wait(lambda data: data[0] >> 4 == 4 and data[9] == 1 and data[16:20] == socket.inet_aton("198.51.100.7"))
        check(request and request[8] == 63, "the program did not get the request")
        body = b"\0" + request[21:22] + b"\0\0" + request[24:]
        body = body[:2] + struct.pack("!H", frames.checksum(body)) + body[4:]
        tun.send(frames.ipv4("198.51.100.7", A4, 1, body))
        equal(sent.wait(6), 0, "status of ping")
    finally:
        tun.close()


@stateful
def test_restart(lab):
    """After kill -9 the TAPs stay with their routes; the next weftd forwards from the start."""
    a, b = router(lab)
    b.ip("addr", "add", "198.51.100.1/32", "dev", "lo")
    lab.switch.ip("route", "add", "198.51.100.1", "via", B4)
    a.reaches("198.51.100.1")
    lab.daemons[0].kill()
    lab.weftd(open(os.path.join(lab.folder, "weft.conf")).read())
    a.reaches("198.51.100.1", 1.5)


@stateful
def test_a_renamed_interface(lab):
    """A TAP that an administrator renames keeps its routes and forwards; its state is followed by the new name."""
    a, b = router(lab)
    b.ip("addr", "add", "198.51.100.1/32", "dev", "lo"), b.ip("addr", "add", "2001:db8:99::1/128", "dev", "lo")
    for words, address, via in (([], "198.51.100.1", B4), (["-6"], "2001:db8:99::1", B6)):
        lab.switch.ip(*words, "route", "add", address, "via", via)
        a.reaches(address)
    before = forwarded(lab)
    lab.switch.ip("link", "set", "dev", "b", "name", "uplink")
    for address in ("198.51.100.1", "2001:db8:99::1"):
        equal(a.ping(address, 20, 0.02), 20, f"answers of {address} after the renaming")
    check(forwarded(lab) - before >= 80, "the workers did not forward them")
    lab.switch.ip("route", "replace", "198.51.100.1", "via", B4, "dev", "uplink", "mtu", "1400")
    a.reaches("198.51.100.1")
    lab.switch.ip("route", "del", "198.51.100.1")
    wait_for(lambda: a.ping("198.51.100.1", 1) == 0, "a route removed by the new name is gone")
    lab.switch.ip("link", "set", "dev", "uplink", "down")
    wait_for(lambda: a.ping(B4, 1) == 0, "what is down by the new name does not forward")
    equal(lab.json("ip", "link", "show", "dev", "b")[0]["flags"].count("UP"), 0, "flag UP in weft")
    lab.switch.ip("link", "set", "dev", "uplink", "up")
    a.reaches(B4)
    lab.weft("ip", "link", "set", "b", "mtu", "1400")
    wait_for(lambda: lab.switch.link("uplink")["mtu"] == 1400, "the MTU that weft sets reaches it")


@stateful
def test_virtual_mac(lab):
    """keepalived's use_vmac: a macvlan on a TAP receives by its MAC address, and sends and resolves with it."""
    a, b = router(lab)
    virtual = "00:00:5e:00:01:07"
    lab.switch.ip("link", "add", "link", "b", "name", "vrrp", "address", virtual, "up", "type", "macvlan", "mode", "private")
    lab.switch.ip("addr", "add", "10.7.0.1/24", "dev", "vrrp")
    b.ip("addr", "add", "10.7.0.2/24", "dev", "eth0")
    b.ip("route", "replace", "default", "via", "10.7.0.1")
    wire = lab.wire("b")
    a.reaches("10.7.0.2")
    request = wire.wait(lambda data: data[12:14] == b"\x08\0" and data[30:34] == socket.inet_aton("10.7.0.2"))
    equal(frames.mac_text(request[6:12]), virtual, "the source of what is sent by it")
    equal(lab.switch.ip("neigh", "show", "10.7.0.2", "dev", "b").strip(), "", "nobody asked on the TAP below")


@stateful
def test_without_arp(lab):
    """`arp off`: frames go to the device's own address (arp_constructor), but to whom somebody entered to that one."""
    a, b = router(lab)
    a.reaches("10.0.1.1")
    own = frames.mac(lab.switch.link("b")["address"])
    lab.switch.ip("link", "set", "dev", "b", "arp", "off")
    lab.switch.ip("neigh", "add", "10.0.2.51", "lladdr", "02:00:00:00:00:51", "dev", "b")
    wire = lab.wire("b")
    for address, to in (("10.0.2.50", own), ("10.0.2.51", frames.mac("02:00:00:00:00:51"))):
        a.ping(address, 1)
        got = wire.wait(lambda data: data[12:14] == b"\x08\0" and data[30:34] == socket.inet_aton(address))
        equal((got[:6], got[6:12]) if got else None, (to, own), f"addresses of what goes to {address}")


@stateful
def test_multipath_to_devices(lab):
    """Next hops without a gateway: the destination itself is asked for on the link of its flow."""
    a, b, c = router(lab, hosts="abc")
    addresses = [f"198.51.100.{n}" for n in range(1, 25)]  # all by one of two: once in eight million runs
    for host in (b, c):
        for address in addresses:
            host.ip("addr", "add", address + "/32", "dev", "lo")
    lab.switch.ip("route", "add", "198.51.100.0/24", "nexthop", "dev", "b", "nexthop", "dev", "c")
    wires = {role: lab.wire(role) for role in "bc"}
    for address in addresses:
        a.reaches(address)
        # ping waits for its last answer two round-trip times alone, which on a loaded machine may be too little
        wait_for(lambda: a.ping(address, 8, 0.02) == 8, f"all answers of {address}", 5)
    for role, wire in wires.items():
        check(wire.collect(0.2, lambda data: data[12:14] == b"\x08\0" and data[30:33] == b"\xc6\x33\x64"),
              f"nothing went by {role}")


@stateful
def test_neighbours_in_use(lab):
    """A neighbour that packets go to is probed by the kernel and never lost; one that moves is followed within a second."""
    a, b = router(lab)
    for name, value in (("base_reachable_time_ms", 1000), ("delay_first_probe_time", 1), ("gc_stale_time", 1)):
        lab.switch.sysctl(f"net.ipv4.neigh.b.{name}", value)
    a.reaches(B4)
    traffic = lab.start(a, "ping", "-n", "-q", "-i", "0.05", "-c", "170", B4, stdout=subprocess.PIPE)
    states, end = set(), time.monotonic() + 8
    while time.monotonic() < end:
        states.add((lab.switch.ip("neigh", "show", B4, "dev", "b").split() or ["none"])[-1])
        time.sleep(0.05)
    check(states <= {"REACHABLE", "STALE", "DELAY", "PROBE"}, f"{states}")
    check(len(states) > 1, f"{states}: it was never asked again")
    shown = traffic.communicate(timeout=9)[0]
    check(" 0% packet loss" in shown, shown)
    b.sysctl("net.ipv4.conf.eth0.arp_notify", 1)
    b.ip("link", "set", "eth0", "address", "02:00:00:00:99:99")
    begin = time.monotonic()
    wait_for(lambda: a.ping(B4, 1, options=("-W", "0.1")) == 1, "the moved neighbour is followed", 3)
    check(time.monotonic() - begin < 1, f"{time.monotonic() - begin:.2f} s")


@stateful
def test_bogus_neighbours(lab):
    """A04, A07: a flood of ARP requests from made-up hosts leaves memory flat and takes nothing from others."""
    a, b = router(lab)
    a.reaches(B4)
    wire = lab.wire("a")

    def resident():
        with open(f"/proc/{lab.daemons[0].pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def flood(first, count):
        for number in range(first, first + count):
            mac = b"\x02\x99" + struct.pack("!I", number)
            wire.send(frames.frame(frames.BROADCAST, mac, frames.ARP,
                                   frames.arp_request(mac, f"10.0.1.{3 + number % 250}", "10.0.1.1")))

    flood(0, 2000)
    time.sleep(0.3)
    before = resident()
    flood(2000, int(os.environ.get("WEFT_BOGUS", "30000")))
    equal(a.ping(B4, 10, 0.02), 10, "answers meanwhile")
    check(resident() - before < 8000, f"{before} kB before, {resident()} kB after")


test_bogus_neighbours.seconds = 300  # the long suite asks for a million


def test_what_is_not_weft_s(lab):
    """A route to a device that weft lacks is counted, not forwarded, and not the kernel's to forward either."""
    a, b = router(lab)
    other = lab.namespace("other")
    lab.switch.ip("link", "add", "x0", "type", "veth", "peer", "name", "eth0", "netns", other.name)
    lab.switch.ip("addr", "add", "10.8.0.1/24", "dev", "x0"), lab.switch.ip("link", "set", "x0", "up")
    other.ip("addr", "add", "10.8.0.2/24", "dev", "eth0"), other.ip("link", "set", "eth0", "up")
    lab.switch.sysctl("net.ipv4.ip_forward", 1)
    seen = other.wire()
    a.reaches("10.0.1.1")
    equal(a.ping("10.8.0.2", 3), 0, "answers")
    wait_for(lambda: lab.drops("route/elsewhere") >= 3, "the drops are counted")
    equal(seen.collect(0.1, lambda data: data[12:14] == b"\x08\0"), [], "what the kernel forwarded")
    seen.close()
    lab.switch.ip("rule", "add", "uidrange", "5-9", "table", "77", "priority", "300")
    wait_for(lambda: {"routes to interfaces that weft lacks", "rules not supported"}
             <= {row["what"] for row in lab.json("show", "memory")}, "show memory counts what is not obeyed", 8)
