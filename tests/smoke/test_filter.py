"""Rules between real hosts: verdicts, counters, connections, refusals as programs see them."""

import json

from lab import check, equal, stateful, wait_for
from test_route import A4, A6, B4, B6, router

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
def test_refused_and_dropped(lab):
    """REJECT is a refused connection to curl, DROP a silent one; a reset only where it was asked for."""
    a, b = router(lab)
    server = web_server(lab, b, 8080)
    for address, (family, _) in NEAR.items():
        a.reaches(address)
        equal(connects(a, address, 8080), 0, "curl without rules")
        lab.weft(family, "-A", "FORWARD", "-p", "tcp", "--dport", "8080", "-j", "REJECT", "--reject-with", "tcp-reset")
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
