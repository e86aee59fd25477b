"""Rules between real hosts: verdicts, counters, connections, refusals as programs see them."""

import json
import os
import re
import socket
import struct

import frames
from lab import check, equal, run, stateful, wait_for
from test_host import ssh
from test_route import A4, A6, B4, B6, answer_every_error, router

NEAR = {B4: ("iptables", "10.0.1.1"), B6: ("ip6tables", "2001:db8:1::1")}


def load(lab, text, families=("iptables", "ip6tables")):
    for family in families:
        lab.weft(f"{family}-restore", input=text)


def counts(lab, chain, family="iptables", table="filter"):
    """Packets of a chain's rules, in their order."""
    lines = lab.weft(family, "-t", table, "-nvxL", chain).splitlines()[2:]
    return [int(line.split()[0]) for line in lines]


def connects(host, address, port):
    """How curl fares with a web server: 0, 7 refused, 28 nobody answers."""
    shape = f"[{address}]" if ":" in address else address
    return int(host.run("bash", "-c", f"curl -s -o /dev/null --connect-timeout 2 http://{shape}:{port}/; echo $?").strip())


def web_server(lab, host, port):
    server = lab.start(host, "python3", "-m", "http.server", "--bind", "::", str(port))
    wait_for(lambda: f":{port}" in host.run("ss", "-Hltn"), "the server listens")
    return server


@stateful
def test_stateful_forwarding(lab):
    """What inside asks for is answered, what outside asks for is not; counters are exact."""
    a, b = router(lab)
    for address in (B4, B6):
        a.reaches(address)
    load(lab, "*filter\n:INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT ACCEPT\n"
         "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -i a -o b -j ACCEPT\nCOMMIT\n")
    for address, (family, _) in NEAR.items():
        equal(a.ping(address, 5, 0.02), 5, f"answers of {address}")
        first, second = counts(lab, "FORWARD", family)
        equal(first + second, 10, "packets of both rules")
        check(1 <= second <= 5, f"{second} questions before the first answer")
    for address in (A4, A6):
        equal(b.ping(address, 2, 0.02), 0, f"answers of {address}, whom nobody outside may ask")
    for family in ("iptables", "ip6tables"):
        policy = lab.weft(family, "-nvxL", "FORWARD").splitlines()[0]
        check("(policy DROP 2 packets, " in policy, policy)
    server = lab.start(b, "iperf3", "-s")
    wait_for(lambda: ":5201" in b.run("ss", "-Hltn"), "iperf3 listens")
    for address in (B4, B6):
        done = json.loads(a.run("iperf3", "-c", address, "-t", "1", "-J", timeout=30))["end"]
        check(done["sum_received"]["bits_per_second"] > 1e7, f"TCP to {address}: {done['sum_received']}")
    server.kill()


@stateful
def test_show_flows(lab):
    """Real UDP and ping under rules: what `show flows` says is kept, by which rules, and why ping keeps nothing."""
    a, b = router(lab)
    a.reaches(B4)
    load(lab, "*filter\n:INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT ACCEPT\n"
         "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -i a -o b -j ACCEPT\nCOMMIT\n", ["iptables"])
    equal(lab.weft("show", "flows"), "no connection is tracked\n", "before any packet")
    talk = ("import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n{bind}\nfor _ in range(4):\n"
            "    {turn}\n")
    there = talk.format(bind="s.bind(('', 5300))", turn="s.sendto(*s.recvfrom(99))")
    server = lab.start(b, "python3", "-c", there)
    wait_for(lambda: ":5300" in b.run("ss", "-Hlun"), "the server listens")
    a.run("python3", "-c", talk.format(bind=f"s.connect(('{B4}', 5300))", turn="s.send(b'x'); s.recv(99)"))
    server.wait(timeout=10)
    equal(a.ping(B4, 2, 0.02), 2, "answers to ping")
    flow, = json.loads(lab.weft("-j", "show", "flows", "proto", "udp", "src", f"{A4}/32", "dst", B4))
    equal(flow["original"]["layer4"]["dport"], 5300, "the connection")
    for way, oif, gateway, rule in (("original", "b", B4, 1), ("reply", "a", A4, 1)):
        outcome = flow["outcomes"][way]
        check(outcome["kept"] and outcome["rests_on"]["answered"], outcome)
        equal([outcome["oif"], outcome["gateway"]], [oif, gateway], f"where the {way} direction goes")
        equal(outcome["rules"], [{"table": "filter", "chain": "FORWARD", "number": rule}], f"rules of the {way} direction")
    text = lab.weft("show", "flows", "proto", "icmp")
    check("    original  slow way  it is neither TCP nor UDP\n" in text, text)
    equal(len(text.splitlines()), 3, "the connection and its two directions")


@stateful
def test_refused_and_dropped(lab):
    """REJECT is a refused connection to curl, DROP a silent one; a reset only where it was asked for."""
    a, b = router(lab)
    answer_every_error(lab)
    server = web_server(lab, b, 8080)
    for address, (family, _) in NEAR.items():
        a.reaches(address)
        equal(connects(a, address, 8080), 0, "curl without rules")
        lab.weft(family, "-A", "FORWARD", "-p", "tcp", "--dport", "8080", "--syn", "-j", "REJECT", "--reject-with", "tcp-reset")
        equal(connects(a, address, 8080), 7, "curl under REJECT")
        equal(counts(lab, "FORWARD", family), [1], "one segment")
        lab.weft(family, "-R", "FORWARD", "1", "-p", "tcp", "--dport", "8080", "-j", "REJECT")
        equal(connects(a, address, 8080), 7, "curl under an ICMP error")
        lab.weft(family, "-R", "FORWARD", "1", "-p", "tcp", "--dport", "8080", "-j", "DROP")
        equal(connects(a, address, 8080), 28, "curl under DROP")
        lab.weft(family, "-F")
        equal(connects(a, address, 8080), 0, "curl after -F")
    server.kill()


@stateful
def test_input_and_output(lab):
    """INPUT and OUTPUT act on what goes to the kernel by the TAP and comes from it."""
    a, b = router(lab)
    for address, (family, near) in NEAR.items():
        a.reaches(near)
        icmp = "icmp" if family == "iptables" else "ipv6-icmp"
        echo = ["--icmp-type", "echo-request"] if family == "iptables" else ["--icmpv6-type", "echo-request"]
        lab.weft(family, "-A", "INPUT", "-p", icmp, *echo, "-j", "DROP")
        equal(a.ping(near, 2, 0.02), 0, "answers under INPUT DROP")
        equal(counts(lab, "INPUT", family), [2], "packets of INPUT")
        equal(a.ping(address, 2, 0.02), 2, "answers in transit")
        lab.weft(family, "-F")
        answer = ["--icmp-type", "echo-reply"] if family == "iptables" else ["--icmpv6-type", "echo-reply"]
        lab.weft(family, "-A", "OUTPUT", "-p", icmp, *answer, "-j", "DROP")
        equal(a.ping(near, 2, 0.02), 0, "answers under OUTPUT DROP")
        equal(counts(lab, "OUTPUT", family), [2], "packets of OUTPUT")
        lab.weft(family, "-F")
        equal(a.ping(near, 2, 0.02), 2, "answers after -F")


@stateful
def test_many_rules_one_by_one(lab):
    """10,000 rules by restore, then more by -A, while packets flow and none is lost; counters of those before stay."""
    a, b = router(lab)
    a.reaches(B4)
    rules = "".join(f"-A FORWARD -s 10.{n >> 8}.{n & 255}.0/24 -p tcp --dport {n} -j DROP\n" for n in range(256, 10256))
    load(lab, f"*filter\n:FORWARD ACCEPT\n-A FORWARD -p icmp -j ACCEPT\n{rules}COMMIT\n", ["iptables"])
    ping = lab.start(a, "ping", "-n", "-q", "-i", "0.01", "-c", "150", B4)
    for number in range(30):
        lab.weft("iptables", "-A", "FORWARD", "-p", "udp", "--dport", str(number), "-j", "DROP")
        lab.weft("iptables", "-I", "FORWARD", "2", "-p", "udp", "--dport", str(number), "-j", "DROP")
    lab.weft("ip", "link", "add", "dummy7", "up", "type", "dummy")
    out = ping.communicate(timeout=30)[0]
    check(" 150 received" in out, out)
    equal(counts(lab, "FORWARD")[0], 300, "the counter goes on over changes, and counts each packet once")


STATEFUL = ("*filter\n:INPUT DROP\n:FORWARD DROP\n:OUTPUT ACCEPT\n"
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n{input}"
            "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
            "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n{more}-A FORWARD -i a -j ACCEPT\nCOMMIT\n")


@stateful
def test_ssh_under_input_rules(lab):
    """ssh to the kernel is let in by its rule, and by nothing else."""
    a, b = router(lab)
    a.reaches("10.0.1.1")
    log_in = ssh(lab, "10.0.1.1")
    load(lab, STATEFUL.format(input="-A INPUT -i a -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT\n", more=""), ["iptables"])
    equal(log_in(a, "head -c 300000 /dev/zero | wc -c").split()[-1], "300000", "what the remote command printed")
    equal(a.ping("10.0.1.1", 2, 0.02), 0, "answers to ping, which no rule lets in")
    lab.weft("iptables", "-D", "INPUT", "2")
    log_in(a, "true", status=255)


@stateful
def test_traceroute_through_a_firewall(lab):
    """What routers and hosts say about packets that were let out is RELATED, and comes back in."""
    a, b = router(lab)
    answer_every_error(lab)
    for address in (B4, B6):
        a.reaches(address)
    load(lab, STATEFUL.format(input="", more=""), ["iptables"])
    load(lab, STATEFUL.format(input="-A INPUT -p ipv6-icmp -j ACCEPT\n", more=""), ["ip6tables"])
    for address, gateway in ((B4, "10.0.1.1"), (B6, "2001:db8:1::1")):
        for options in ([], ["-I"]):
            shown = a.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "4", *options, address)
            hops = re.findall(r"^ *(\d+) +(\S+) ", shown, re.M)
            equal([hop for _, hop in hops], [gateway, address], f"hops of traceroute {options}")


def segment(source, destination, sport, dport, flags):
    """A TCP segment without data in its IPv4 packet."""
    head = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 5 << 4, flags, 8192, 0, 0)
    pseudo = frames.socket.inet_aton(source) + frames.socket.inet_aton(destination) + struct.pack("!BBH", 0, 6, len(head))
    head = head[:16] + struct.pack("!H", frames.checksum(pseudo + head)) + head[18:]
    return frames.ipv4(source, destination, 6, head)


@stateful
def test_scans(lab):
    """Segments of no connection: FIN, null and Xmas are invalid, SYN is new and not let in; none reaches the host."""
    a, b = router(lab)
    b.reaches(A4)
    load(lab, STATEFUL.format(input="", more=""), ["iptables"])
    seen = lab.wire("a")
    wire = lab.wire("b")
    mac = frames.mac(lab.json("ip", "link", "show", "b")[0]["address"])
    own = frames.mac(b.link("eth0")["address"])
    for flags in (0x01, 0x00, 0x29, 0x02, 0x12, 0x04):
        wire.send(*(frames.frame(mac, own, frames.IPV4, segment(B4, A4, 4000, port, flags)) for port in range(100, 150)))
    wait_for(lambda: sum(counts(lab, "FORWARD")) >= 200, "invalid segments are counted")
    invalid, known, new = counts(lab, "FORWARD")
    policy = int(re.search(r"policy DROP (\d+) packets", lab.weft("iptables", "-nvxL", "FORWARD")).group(1))
    equal((invalid, known, new, policy), (250, 0, 0, 50), "invalid, known, new from inside, dropped by the policy")
    equal(seen.collect(0.3, lambda data: data[12:14] == b"\x08\x00" and data[23] == 6), [], "segments at the host")


@stateful
def test_restore_under_load(lab):
    """Rule sets of 2,000 rules replaced again and again while packets flow: none is lost."""
    a, b = router(lab)
    for address in (B4, B6):
        a.reaches(address)
    sets = [STATEFUL.format(input="-A INPUT -j ACCEPT\n", more="".join(
        f"-A FORWARD -p udp --dport {port} -j DROP\n" for port in range(first, first + 2000))) for first in (1000, 5000)]
    load(lab, sets[0])
    pings = [lab.start(a, "ping", "-n", "-q", "-i", "0.005", "-c", "400", address) for address in (B4, B6)]
    for turn in range(12):
        load(lab, sets[turn % 2])
    for ping in pings:
        out = ping.communicate(timeout=30)[0]
        check(" 400 received" in out, out)


@stateful
def test_iperf3_through_many_rules(lab):
    """TCP and UDP through a stateful firewall of 10,000 rules, nearly all by the batch path of known flows."""
    a, b = router(lab)
    for address in (B4, B6):
        a.reaches(address)
    more = "".join(f"-A FORWARD -p tcp --dport {port} -m mark --mark {port} -j DROP\n" for port in range(10000, 20000))
    load(lab, STATEFUL.format(input="-A INPUT -j ACCEPT\n", more=more))
    server = lab.start(b, "iperf3", "-s")
    wait_for(lambda: ":5201" in b.run("ss", "-Hltn"), "iperf3 listens")
    for address in (B4, B6):
        done = json.loads(a.run("iperf3", "-c", address, "-t", "1", "-J", timeout=30))["end"]
        check(done["sum_received"]["bits_per_second"] > 1e7, f"TCP to {address}: {done['sum_received']}")
        done = json.loads(a.run("iperf3", "-c", address, "-u", "-b", "5M", "-l", "1200", "-t", "1", "-J", timeout=30))["end"]["sum"]
        check(done["packets"] > 400 and done["lost_packets"] <= done["packets"] // 50, f"UDP to {address}: {done}")
    server.kill()


@stateful
def test_log(lab):
    """A LOG rule writes the kernel's line into weftd's log, before the rule behind it drops the packet."""
    a, _ = router(lab)
    for address, (family, _) in NEAR.items():
        a.reaches(address)
        lab.weft(family, "-A", "FORWARD", "-p", "udp", "--dport", "53", "-j", "LOG", "--log-prefix", "no DNS: ", "--log-level", "5")
        lab.weft(family, "-A", "FORWARD", "-p", "udp", "--dport", "53", "-j", "DROP")
        a.run("bash", "-c", f"echo -n question > /dev/udp/{address}/53")
        kind = "TOS=0x00" if family == "iptables" else "TC=0"
        wait_for(lambda kind=kind: [line for line in lab.daemons[0].log if line.startswith("<5>weftd: no DNS: IN=a OUT=b MAC=")
                                    and kind in line and "PROTO=UDP SPT=" in line and line.endswith("DPT=53 LEN=16")],
                 f"the line of {family}")


@stateful
def test_reject_in_output(lab):
    """A program of the host itself is told at once that rules refuse its packets."""
    _, b = router(lab)
    for address, (family, _) in NEAR.items():
        lab.weft(family, "-A", "OUTPUT", "-p", "tcp", "--dport", "8080", "-j", "REJECT", "--reject-with", "tcp-reset")
        equal(connects(lab.switch, address, 8080), 7, "curl of the host under REJECT")
        lab.weft(family, "-R", "OUTPUT", "1", "-p", "tcp", "--dport", "8080", "-j", "REJECT")
        equal(connects(lab.switch, address, 8080), 7, "curl of the host under an ICMP error")
        lab.weft(family, "-F")


TRACED = """*raw
:X - [0:0]
-A PREROUTING -p udp -j X
-A X -p udp -m udp --dport 4242 -j TRACE
-A X -p tcp
COMMIT
*mangle
-A FORWARD -j MARK --set-xmark 0x2a/0xffffffff
COMMIT
*nat
-A PREROUTING -p tcp
COMMIT
*filter
:W - [0:0]
-A FORWARD -p udp -g W
-A W -m conntrack --ctstate NEW
-A W -s {source} -p udp -j RETURN
-A W -j ACCEPT
COMMIT
"""


def datagrams(mac, own):
    """One of each family from A to B, in frames to the router."""
    udp = struct.pack("!HHHH", 4000, 4242, 12, 0)
    between = b"".join(socket.inet_pton(socket.AF_INET6, end) for end in (A6, B6))
    sum6 = frames.checksum(between + struct.pack("!II", 12, 17) + udp + b"weft")
    ipv6 = struct.pack("!IHBB", 6 << 28, 12, 17, 64) + between + udp[:6] + struct.pack("!H", sum6) + b"weft"
    return [frames.frame(mac, own, frames.IPV4, frames.ipv4(A4, B4, 17, udp + b"weft")), frames.frame(mac, own, 0x86DD, ipv6)]


def kernel_traces(lab):
    """What the kernel of a router like weft's writes of the same packets under the same rules."""
    gate = lab.namespace("k")
    for number, device in enumerate("ab", 1):
        host = lab.namespace(f"k{device}")
        gate.ip("link", "add", "name", device, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        for name, end, where in ((device, 1, gate), ("eth0", 2, host)):
            where.ip("addr", "add", f"10.0.{number}.{end}/24", "dev", name)
            where.ip("addr", "add", f"2001:db8:{number}::{end}/64", "dev", name, "nodad")
            where.ip("link", "set", "dev", name, "up")
    for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        gate.sysctl(name, 1)
    lock = {**os.environ, "XTABLES_LOCKFILE": os.path.join(lab.folder, "xtables.lock")}
    for family, source in (("iptables", A4), ("ip6tables", A6)):
        gate.run(f"{family}-legacy-restore", input=TRACED.format(source=source), env=lock)
    everybody = "/proc/sys/net/netfilter/nf_log_all_netns"
    with open(everybody) as setting:
        before = setting.read()
    seen = set(run("dmesg").splitlines())
    host = lab.namespaces["ka"]
    try:
        with open(everybody, "w") as setting:
            setting.write("1")
        frames.Wire(host.name, "eth0").send(*datagrams(frames.mac(gate.link("a")["address"]), frames.mac(host.link("eth0")["address"])))
        written = lambda: [line[line.index("TRACE: "):] for line in run("dmesg").splitlines()
                           if line not in seen and "TRACE: " in line and "DPT=4242 " in line]
        wait_for(lambda: sum("nat:POSTROUTING" in line for line in written()) == 2, "the kernel's last lines")
        return written()
    finally:
        with open(everybody, "w") as setting:
            setting.write(before)


@stateful
def test_trace(lab):
    """TRACE writes what the kernel writes of the same packets; `trace show` tells what became of them."""
    a, _ = router(lab)
    for address in (B4, B6):
        a.reaches(address)
    for family, source in (("iptables", A4), ("ip6tables", A6)):
        load(lab, TRACED.format(source=source), [family])
        check("-A X -p udp -m udp --dport 4242 -j TRACE" in lab.weft(f"{family}-save", "-t", "raw"), "TRACE in a save")
        check("Invalid argument" in lab.refused(family, "-A", "INPUT", "-j", "TRACE", status=1), "TRACE in filter")
    a.wire().send(*datagrams(frames.mac(lab.json("ip", "link", "show", "a")[0]["address"]), frames.mac(a.link("eth0")["address"])))
    begin = "<4>weftd: "
    written = lambda: [line[len(begin):] for line in lab.daemons[0].log if line.startswith(begin + "TRACE: ")]
    wait_for(lambda: sum("nat:POSTROUTING" in line for line in written()) == 2, "the last lines")
    bare = lambda lines: sorted(re.sub(r"MAC=\S+ ", "", line).strip() for line in lines)
    equal(bare(written()), bare(kernel_traces(lab)), "the lines of weft and of the kernel")
    told = lab.json("trace", "show")
    equal(sorted(packet["ifname"] for packet in told), ["a", "a"], "packets that were followed")
    for packet in told:
        steps = [(step["stage"], step["text"]) for step in packet["steps"]]
        check(("FORWARD", "filter:FORWARD:rule:1 -A FORWARD -p udp -g W") in steps, steps)
        check(("FORWARD", "filter:FORWARD:policy:2 -P FORWARD ACCEPT") in steps, steps)
        check(steps[-1][0] == "sent" and steps[-1][1].endswith(" bytes by b, untagged"), steps)
    lab.weft("trace", "clear")
    equal(lab.weft("trace", "show"), "no packet was followed\n", "what is left")
