"""Translation between real hosts and programs."""

import concurrent.futures
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

import frames
from gateway import (ECHO, FAMILIES, GATEWAY, INSIDE, OUTSIDE, Program, ask, kernel_gateway, kernel_rules, weft_gateway, web_server,
                     who_am_i)
from lab import check, equal, stateful, wait_for
from test_conntrack import conntrack
from test_route import answer_every_error

MASQUERADE = "*nat\n-A POSTROUTING -o o -j MASQUERADE\nCOMMIT\n"
BOTH = tuple(enumerate(FAMILIES))


def load(lab, text, families=FAMILIES):
    for family in families:
        lab.weft(f"{family}-restore", input=text)


def count(lab, *words):
    return sum(" src=" in line for line in conntrack(lab, "-L", *words)[0].splitlines())


@stateful
def test_curl_out_and_in(lab):
    """SNAT, MASQUERADE and DNAT as web servers and curl see them, D1; from inside by the outside address, RFC 5382 REQ-8."""
    a, b, o = weft_gateway(lab)
    servers = [web_server(lab, o), web_server(lab, a)]
    for at, family in BOTH:
        shape = f"[{INSIDE['a'][at]}]" if at else INSIDE["a"][at]
        equal(who_am_i(a, OUTSIDE[at]), INSIDE["a"][at], f"{family} without rules")
        load(lab, MASQUERADE, [family])
        equal(who_am_i(a, OUTSIDE[at]), GATEWAY[at], "MASQUERADE")
        pool = "2001:db8:cb::7" if at else "203.0.113.7"
        load(lab, f"*nat\n-A PREROUTING -d {GATEWAY[at]} -p tcp --dport 8080 -j DNAT --to-destination {shape}:80\n"
             f"-A POSTROUTING ! -s {OUTSIDE[at]} -d {INSIDE['a'][at]} -p tcp -j MASQUERADE\n"
             f"-A POSTROUTING -o o -j SNAT --to-source {pool}\nCOMMIT\n", [family])
        equal(who_am_i(b, OUTSIDE[at]), pool, "SNAT")
        equal(who_am_i(o, GATEWAY[at], 8080), OUTSIDE[at], "DNAT from outside")
        inner = "2001:db8:1::1" if at else "10.0.1.1"
        equal(who_am_i(b, GATEWAY[at], 8080), inner, "another inside host by the outside address")
        equal(who_am_i(a, GATEWAY[at], 8080), inner, "the inside host itself by the outside address")
        equal(who_am_i(o, GATEWAY[at], 81), "", "a port that is not published")
    for server in servers:
        server.kill()


@stateful
def test_port_blocks(lab):
    """Who had a port is known without a log of connections: RFC 7422, RFC 6888 REQ-14."""
    a, _, o = weft_gateway(lab)
    server = web_server(lab, o)
    rule = ("POSTROUTING", "-s", "10.0.1.0/29", "-o", "o", "-j", "SNAT", "--to-source", "203.0.113.6-203.0.113.7",
            "--port-block", "10000")
    said = "10.0.1.0-10.0.1.7 to 203.0.113.6-203.0.113.7, ports 1024-65535, 10000 each, 6 subscribers an address"
    lab.weft("iptables", "-t", "nat", "-A", *rule)
    equal(who_am_i(a, OUTSIDE[0]), "203.0.113.6", "the third subscriber's address")
    port = int(re.findall(r"dport=(\d+)", conntrack(lab, "-L", "--src-nat")[0])[1])
    check(21024 <= port <= 31023, f"the third block's port: {port}")
    equal(lab.weft("show", "nat", "blocks"), said + "\n", "the configuration")
    found = json.loads(lab.weft("-j", "show", "nat", "blocks", "outside", "203.0.113.6", "port", str(port)))
    equal(found, [{"inside": "10.0.1.2", "outside": "203.0.113.6", "ports": [21024, 31023]}], "whose port it is")
    lab.weft("iptables", "-t", "nat", "-D", *rule)
    for word in ("begin", "end"):
        wait_for(lambda: any(re.search(rf"nat: \d+-\d\d-\d\dT\d\d:\d\d:\d\dZ port blocks {word}: {said}$", line)
                             for line in lab.daemons[0].log), f"the line that blocks {word}")
    server.kill()


@stateful
def test_traceroute_and_path_mtu(lab):
    """Who is on the way, and a small MTU behind two routers, found from inside: RFC 4787 REQ-12, RFC 5508 REQ-4."""
    a, _, o = weft_gateway(lab)
    answer_every_error(lab)
    far = lab.namespace("far")
    o.ip("link", "add", "far", "mtu", "1400", "type", "veth", "peer", "name", "eth0", "mtu", "1400", "netns", far.name)
    o.ip("addr", "add", "198.51.100.1/24", "dev", "far"), o.ip("link", "set", "far", "up"), o.sysctl("net.ipv4.ip_forward", 1)
    o.sysctl("net.ipv4.icmp_ratelimit", 0), far.sysctl("net.ipv4.icmp_ratelimit", 0)
    far.ip("addr", "add", "198.51.100.2/24", "dev", "eth0"), far.ip("link", "set", "eth0", "up")
    far.ip("route", "add", "10.0.3.1", "via", "198.51.100.1")  # nobody inside
    lab.switch.ip("route", "add", "198.51.100.0/24", "via", OUTSIDE[0])
    load(lab, MASQUERADE, ["iptables"])
    a.reaches("198.51.100.2")
    for options in ([], ["-I"], ["-T", "-p", "80"]):
        shown = a.run("traceroute", "-n", "-q", "1", "-w", "2", *options, "198.51.100.2")
        equal(re.findall(r"^ *\d+ +(\S+)", shown, re.M), ["10.0.1.1", OUTSIDE[0], "198.51.100.2"], f"traceroute {options}")
    shown = a.run("tracepath", "-n", "198.51.100.2", status=None)
    check("pmtu 1400" in shown and "reached" in shown, shown)
    check(" mtu 1400" in a.run("ip", "route", "get", "198.51.100.2"), "the host's own note of it")
    equal(a.ping("198.51.100.2", 2, 0.1, 1372, ("-M", "do")), 2, "answers at the MTU found")


# Tells all that ever sent to it, at each packet but keep-alives (RFC 3948 2.3), as whom it knows them.
IPSEC_PEER = """
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 4500))
known = []
while True:
    data, peer = s.recvfrom(2000)
    if data == b"\\xff":
        continue
    known += [peer] if peer not in known else []
    for one in known:
        s.sendto(("%s %d" % (one[0].removeprefix("::ffff:"), one[1])).encode(), one)
"""

# From port 4500 to 4500: a packet of ESP, then keep-alives, and every second ESP again.
IPSEC_HOST = """
import socket, struct, time
s = socket.socket(socket.AF_INET6 if ":" in "{to}" else socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 4500))
s.connect(("{to}", 4500))
s.settimeout(0.1)
for number in range(1000):
    s.send(b"\\xff" if number % 10 else struct.pack("!II", 0x1000, number) + bytes(80))
    try:
        while True:
            print(s.recv(2000).decode())
    except TimeoutError:
        pass
"""


@stateful
def test_ipsec_port(lab):
    """UDP 4500 to 4500, RFC 3948: the first host's port is kept, the second's is another above 1023, as the kernel's; what
    the peer begins by itself finds each of them."""
    weft = weft_gateway(lab)
    gate, kernel = kernel_gateway(lab)
    load(lab, MASQUERADE)
    kernel_rules(lab, gate, MASQUERADE)
    for at, hosts in ((0, weft), (1, weft), (0, kernel)):
        a, b, o = hosts
        peer = Program(lab, o, IPSEC_PEER)
        wait_for(lambda: ":4500" in o.run("ss", "-Hlun"), "the peer listens")
        first = Program(lab, a, IPSEC_HOST.format(to=OUTSIDE[at]))
        wait_for(lambda: first.lines, "the first host hears of the peer")
        second = Program(lab, b, IPSEC_HOST.format(to=OUTSIDE[at]))
        wait_for(lambda: second.lines, "the second host hears of the peer")
        said = len(first.lines)
        wait_for(lambda: len(first.lines) > said + 1 and len(second.lines) > 2, "what the peer begins arrives")
        equal(set(first.lines), {f"{GATEWAY[at]} 4500"}, "what the first host hears")
        equal(len(set(second.lines)), 1, f"ports of the second host: {second.lines}")
        address, port = second.lines[0].split()
        check(address == GATEWAY[at] and 1024 <= int(port) != 4500, f"the second host's port {port}")
        for one in (first, second, peer):
            one.kill()


@stateful
def test_iperf3(lab):
    """TCP both ways and UDP through MASQUERADE, guests' unfinished checksums and large frames as they come."""
    a, _, o = weft_gateway(lab)
    load(lab, MASQUERADE)
    server = lab.start(o, "iperf3", "-s")
    wait_for(lambda: ":5201" in o.run("ss", "-Hltn"), "iperf3 listens")
    for at, family in BOTH:
        for options in ([], ["-R"]):
            done = json.loads(a.run("iperf3", "-c", OUTSIDE[at], "-t", "1", "-J", *options, timeout=30))["end"]
            check(done["sum_received"]["bits_per_second"] > 1e7, f"TCP {options} to {OUTSIDE[at]}: {done['sum_received']}")
        done = json.loads(a.run("iperf3", "-c", OUTSIDE[at], "-u", "-b", "2M", "-t", "1", "-J", timeout=30))["end"]["sum"]
        check(done["packets"] > 50 and done["lost_packets"] <= done["packets"] // 20, f"UDP to {OUTSIDE[at]}: {done}")
    server.kill()


SINK = "import socket, time\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('', 9))\ntime.sleep(300)\n"


@stateful
def test_sixty_thousand_connections(lab):
    """30,000 ports of each of two hosts to one server through one address: kept for the first, another for each of the
    second's, none twice; and each answer finds its own."""
    a, b, o = weft_gateway(lab, "sysctl -w net.netfilter.nf_conntrack_max=131072\nsysctl -w net.netfilter.nf_conntrack_udp_timeout=300\n")
    load(lab, MASQUERADE, ["iptables"])
    sink = Program(lab, o, SINK)
    wait_for(lambda: ":9 " in o.run("ss", "-Hlun"), "the sink is there")
    seen, wire = {}, lab.wire("o")

    def read():
        for data in wire.drain():
            if data[12:14] == b"\x08\0" and data[23] == 17 and data[36:38] == b"\0\x09":
                seen[struct.unpack_from("!H", data, 34)[0]] = struct.unpack_from("!HH", data, 42)

    for role, host in (("a", a), ("b", b)):
        wanted, sender = len(seen) + 30000, lab.wire(role)
        ports = range(2000, 32000)
        address = frames.mac(host.link("eth0")["address"])
        mac = frames.mac(lab.json("ip", "link", "show", role)[0]["address"])
        source = INSIDE[role][0]
        made = [frames.frame(mac, address, frames.IPV4, frames.ipv4(source, OUTSIDE[0], 17, struct.pack(
            "!HHHHHH", port, 9, 12, 0, int(source.split(".")[2]), port))) for port in ports]
        for attempt in range(5):  # a sender faster than the ring of a packet socket loses some
            arrived = set(seen.values())
            missing = [frame for port, frame in zip(ports, made) if (int(source.split(".")[2]), port) not in arrived]
            for first in range(0, len(missing), 64):
                sender.send(*missing[first:first + 64])
                time.sleep(0.002)
                read()
            end = time.monotonic() + 2
            while len(seen) < wanted and time.monotonic() < end:
                time.sleep(0.01)
                read()
            if len(seen) == wanted:
                break
        equal(len(seen), wanted, f"ports seen outside after host {role}'s")
    equal(sorted(seen.values()), [(host, port) for host in (1, 2) for port in range(2000, 32000)], "who was seen")
    check(all(port == kept for port, (host, kept) in seen.items() if host == 1), "the first host's ports are kept")
    check(min(seen) >= 1024, f"port {min(seen)} for one above 1023")
    equal(count(lab, "-p", "udp", "--src-nat"), 60000, "connections")
    check(int(conntrack(lab, "-C")[0]) >= 60000, "the count")
    sink.kill()


@stateful
def test_address_changes(lab):
    """Under MASQUERADE entries of an address that is gone are removed, and new ones have the new address."""
    a, _, o = weft_gateway(lab)
    load(lab, MASQUERADE)
    server = Program(lab, o, ECHO.format(port=7000))
    wait_for(lambda: ":7000" in o.run("ss", "-Hlun"), "the server listens")
    for at, (old, new, length) in enumerate((("10.0.3.1", "10.0.3.9", 24), ("2001:db8:3::1", "2001:db8:3::9", 64))):
        for port in (5000, 5001, 5002):
            equal(ask(a, OUTSIDE[at], 7000, port), (old, port), "what is seen")
        equal(count(lab, "-p", "udp", "--src-nat", "-f", "ipv6" if at else "ipv4"), 3, "connections")
        lab.switch.ip("addr", "del", f"{old}/{length}", "dev", "o")
        lab.switch.ip("addr", "add", f"{new}/{length}", "dev", "o", *(["nodad"] if at else []))
        wait_for(lambda: count(lab, "-p", "udp", "-f", "ipv6" if at else "ipv4") == 0, "the old address's connections are gone")
        wait_for(lambda: ask(a, OUTSIDE[at], 7000, 5000) == (new, 5000), "the new address is seen")
    server.kill()


SEND = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[2])))
s.sendto(b"x", (sys.argv[1], 9999))
"""


class Seen:
    """A gateway as a host outside sees it: from which address datagrams from inside come."""

    def __init__(self, lab, namespace, hosts, device):
        self.lab, self.namespace, self.inside, self.outside, self.device = lab, namespace, hosts[0], hosts[2], device
        self.wire, self.port = hosts[2].wire(), 20000
        lab.wires.append(self.wire)

    def change(self, *words):
        """`ip` with the outside device at its end."""
        self.namespace.ip(*words, "dev", self.device)

    def source(self, to, port=None):
        """Of one datagram, of a new connection if no port is given; None if it does not come."""
        self.port += 1
        port = port or self.port
        self.inside.run("python3", "-c", SEND, to, str(port))
        sought = struct.pack("!HH", port, 9999)
        ipv6 = ":" in to
        frame = self.wire.wait(lambda data: data[12:14] == (b"\x86\xdd" if ipv6 else b"\x08\0") and sought in data[34:58], 1)
        return frame and socket.inet_ntop(*((socket.AF_INET6, frame[22:38]) if ipv6 else (socket.AF_INET, frame[26:30])))


# What `ip` is told, the destination that is asked about next, and what the kernel takes.
SOURCES = (
    ((), "2001:db8:3::2", "2001:db8:3::1"),
    (("-6 addr add fd00:9::1/64 nodad",), "fd00:9::2", "fd00:9::1"),
    ((), "2001:db8:3::2", "2001:db8:3::1"),
    (("-6 addr add 2001:db8:3::9/64 nodad",), "2001:db8:3::2", "2001:db8:3::9"),
    (("-6 addr change 2001:db8:3::9/64 preferred_lft 0",), "2001:db8:3::2", "2001:db8:3::1"),
    (("-6 addr del 2001:db8:3::9/64", "-6 addr change 2001:db8:3::1/64 preferred_lft 0"), "2001:db8:3::2", "fd00:9::1"),
    (("-6 addr add 2001:db8:33::1/64 nodad",), "2001:db8:3::2", "2001:db8:33::1"),
    (("-6 addr del 2001:db8:33::1/64", "-6 addr del fd00:9::1/64", "-6 addr del 2001:db8:3::1/64", "-6 route add 2001:db8:3::/64"),
     "2001:db8:3::2", "2001:db8:2::1"),
    (("addr del 10.0.3.1/24", "addr add 10.0.3.4/24 scope link", "addr add 10.0.3.6/32"), "10.0.3.2", "10.0.3.6"),
    (("addr add 10.55.0.1 peer 10.0.3.2/32",), "10.0.3.2", "10.55.0.1"),
    (("addr del 10.55.0.1 peer 10.0.3.2/32", "addr del 10.0.3.6/32"), "10.0.3.2", "10.0.1.1"),
)


@stateful
def test_masquerade_sources(lab):
    """Several addresses, deprecated ones, those of scope link, a peer's, another interface's: as the kernel (RFC 6724 section 5)."""
    hosts = weft_gateway(lab)
    gate, others = kernel_gateway(lab)
    gate.sysctl("net.ipv6.conf.all.forwarding", 1)
    for number, (device, host) in enumerate(zip("abo", others), 1):
        gate.sysctl(f"net.ipv6.conf.dev{device}.disable_ipv6", 0)
        host.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
        gate.ip("addr", "add", f"2001:db8:{number}::1/64", "dev", f"dev{device}", "nodad")
        host.ip("addr", "add", f"2001:db8:{number}::2/64", "dev", "eth0", "nodad")
        host.ip("-6", "route", "add", "default", "via", f"2001:db8:{number}::1")
    load(lab, MASQUERADE)
    for family in FAMILIES:
        kernel_rules(lab, gate, MASQUERADE, family)
    seen = Seen(lab, lab.switch, hosts, "o"), Seen(lab, gate, others, "devo")
    for one in seen:
        one.outside.ip("addr", "add", "fd00:9::2/64", "dev", "eth0", "nodad")
    for changes, to, source in SOURCES:
        for one in seen:
            for words in changes:
                one.change(*words.split())
        for one in reversed(seen):
            wait_for(lambda: one.source(to) == source, f"{source} to {to} by {one.device} after {changes}", 10)
        equal([seen[0].source(to, 30000) for _ in range(2)], 2 * [source], "of one connection")
        conntrack(lab, "-F")


def without_times(text):
    return sorted(re.sub(r" use=\d+", "", re.sub(r"^(\w+ +\d+) \d+ ", r"\1 T ", line)) for line in text.splitlines() if " src=" in line)


def test_lists_as_the_real_program(lab):
    """conntrack -L, --src-nat, --dst-nat and both beside the real program's, after the same conversations."""
    hosts = weft_gateway(lab)
    gate, others = kernel_gateway(lab)
    rules = ("*nat\n-A PREROUTING -i o -p udp --dport 7001 -j DNAT --to-destination 10.0.1.2:7000\n"
             "-A POSTROUTING -o o -j SNAT --to-source 203.0.113.7\nCOMMIT\n")
    load(lab, rules, ["iptables"])
    kernel_rules(lab, gate, rules)
    conntrack(lab, "-F")
    for a, b, o in (hosts, others):
        servers = [Program(lab, host, ECHO.format(port=7000)) for host in (a, b, o)]
        for host in (a, b, o):
            wait_for(lambda: ":7000" in host.run("ss", "-Hlun"), "the server listens")
        equal(ask(a, OUTSIDE[0], 7000, 5000), ("203.0.113.7", 5000), "SNAT")
        equal(ask(o, "10.0.3.1", 7001, 5000), (OUTSIDE[0], 5000), "DNAT")
        equal(ask(a, INSIDE["b"][0], 7000, 5001), (INSIDE["a"][0], 5001), "neither")
        for server in servers:
            server.kill()
    for words in ([], ["--src-nat"], ["--dst-nat"], ["--any-nat"], ["--src-nat", "203.0.113.7"], ["--dst-nat", "10.0.1.2"], ["-p", "udp", "--src-nat"],
                  ["-n"], ["-g"], ["-j"]):
        done = subprocess.run(["ip", "netns", "exec", gate.name, "conntrack", "-L", *words], text=True, capture_output=True, timeout=20)
        ours = conntrack(lab, "-L", *words, status=done.returncode)
        udp = [[line for line in without_times(text) if line.startswith("udp")] for text in (ours[0], done.stdout)]
        equal(udp[0], udp[1], f"conntrack -L {' '.join(words)}")


RULES = {"MASQUERADE": "-A POSTROUTING -o o -j MASQUERADE", "random": "-A POSTROUTING -o o -j MASQUERADE --random-fully",
         "pool": "-A POSTROUTING -o o -j SNAT --to-source 203.0.113.100-203.0.113.103 --persistent"}


def stun_server(lab, o):
    """coturn on two addresses, which RFC 5780 asks for."""
    o.ip("addr", "add", "10.0.3.3/24", "dev", "eth0")
    server = lab.start(o, "turnserver", "-n", "-S", "-L", "10.0.3.2", "-L", "10.0.3.3", "--no-tls", "--no-dtls", "--no-cli",
                       "--log-file", "stdout", "--simple-log", "--pidfile", os.path.join(lab.folder, f"{o.name}.pid"), "--userdb", os.path.join(lab.folder, o.name),
                       stdout=subprocess.DEVNULL)
    wait_for(lambda: all(f"{address}:3479" in o.run("ss", "-Hlun") for address in ("10.0.3.2", "10.0.3.3")), "coturn listens", 10)
    return server


def verdicts(a):
    """What both programs call the gateway before a host."""
    coturn = a.run("turnutils_natdiscovery", "-m", "-f", "10.0.3.2", status=None)
    stun = a.run("stun", "10.0.3.2", status=None)
    return [*re.findall(r"^NAT with .*!", coturn, re.M), *re.findall(r"^Primary: .*", stun, re.M)]


@stateful
def test_stun_verdicts(lab):
    """coturn's natdiscovery and stun-client call weft what they call the kernel, whatever the rule."""
    weft = weft_gateway(lab)
    gate, kernel = kernel_gateway(lab)
    servers = [stun_server(lab, hosts[2]) for hosts in (weft, kernel)]
    for name, rule in RULES.items():
        text = f"*nat\n{rule}\nCOMMIT\n"
        load(lab, text, ["iptables"])
        kernel_rules(lab, gate, text)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            got, wanted = pool.map(verdicts, (weft[0], kernel[0]))
        equal(len(wanted), 3, f"verdicts on the kernel's {name}: {wanted}")
        equal(got, wanted, f"verdicts on {name}")
    for server in servers:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


@stateful
def test_stun_verdicts_of_endpoint_independence(lab):
    """RFC 5780: a mapping and a filter that look at the source alone, of two hosts at the same time."""
    a, b, o = weft_gateway(lab)
    server = stun_server(lab, o)
    load(lab, "*nat\n-A POSTROUTING -o o -p udp -j MASQUERADE --endpoint-independent\nCOMMIT\n", ["iptables"])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for got in pool.map(verdicts, (a, b)):
            equal([*got[:2], *(" ".join(line.split()[:5]) for line in got[2:])],
                  ["NAT with Endpoint Independent Mapping!", "NAT with Endpoint Independent Filtering!",
                   "Primary: Independent Mapping, Independent Filter,"], "verdicts")
    server.send_signal(signal.SIGTERM)
    server.wait(10)
