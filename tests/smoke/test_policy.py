"""Policy rules and next-hop groups end to end: what packets do by them on weft, beside the same rules in the kernel."""

import re
import socket
import struct
import subprocess

import frames
from lab import check, equal, stateful, wait_for
from test_route import B4, answer_every_error, forwarded, router

ANYWHERE = "198.51.100.1"
RULES = f"""rule add pref 100 to 198.51.100.2 blackhole
            rule add pref 101 to 198.51.100.3 unreachable
            rule add pref 102 to 198.51.100.4 prohibit
            rule add pref 103 fwmark 0x3/0xff lookup 100
            rule add pref 104 tos 0x10 lookup 100
            rule add pref 105 iif c to {ANYWHERE} lookup 101
            route add default via 10.0.2.2
            route add default via 10.0.3.2 table 100
            route add prohibit default table 101"""
MARK = ("-t", "mangle", "-A", "PREROUTING", "-p", "icmp", "-m", "ttl", "--ttl-eq", "33", "-j", "MARK", "--set-mark", "0x103")


def kernel_router(lab):
    """What router(lab, hosts="abc") makes, with the kernel itself in weft's place."""
    made = lab.namespace("kernel")
    for number, role in enumerate("abc", 1):
        host = lab.namespace(f"k{role}")
        made.ip("link", "add", "name", role, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        made.ip("addr", "add", f"10.0.{number}.1/24", "dev", role), made.ip("link", "set", "dev", role, "up")
        host.ip("addr", "add", f"10.0.{number}.2/24", "dev", "eth0"), host.ip("link", "set", "eth0", "up")
        host.ip("route", "add", "default", "via", f"10.0.{number}.1")
    for name, value in (("net.ipv4.ip_forward", 1), ("net.ipv4.icmp_ratelimit", 0)):
        made.sysctl(name, value)
    return made


def fate(lab, prefix, role, address, options):
    """Where a host's echo request goes, and what the host is told of it."""
    wires = {other: lab.wire(prefix + other) for other in "abc" if other != role}
    done = lab.namespaces[prefix + role].run("ping", "-n", "-c", "1", "-W", "0.3", *options, address, status=None)
    found = re.findall(r"From (\S+) icmp_seq=1 (.*)", done)
    seen = [other for other, wire in wires.items()
            if any(data[12:14] == b"\x08\0" and data[23] == 1 and data[34] == 8 and data[30:34] == socket.inet_aton(address) for data in wire.drain())]
    return seen, found


@stateful
def test_rules_beside_the_kernel(lab):
    """blackhole, unreachable, prohibit, fwmark, tos and iif: where packets go, and which errors tell of it, is what the kernel does."""
    router(lab, hosts="abc")
    answer_every_error(lab)
    kernel = kernel_router(lab)
    for words in RULES.splitlines():
        lab.switch.ip(*words.split()), kernel.ip(*words.split())
    lab.weft("iptables", *MARK), kernel.run("iptables-legacy", *MARK)
    for prefix in ("", "k"):
        for role in "bc":
            lab.namespaces[prefix + role].ip("addr", "add", f"{ANYWHERE}/32", "dev", "lo")
        lab.namespaces[prefix + "a"].reaches(ANYWHERE)
    asked = [("a", ANYWHERE, ()), ("a", ANYWHERE, ("-Q", "16")), ("a", ANYWHERE, ("-Q", "8")), ("a", ANYWHERE, ("-t", "33")),
             ("c", ANYWHERE, ()), ("b", ANYWHERE, ("-I", "10.0.2.2")), *(("a", f"198.51.100.{last}", ()) for last in (2, 3, 4, 5))]
    for role, address, options in asked:
        ours, theirs = (fate(lab, prefix, role, address, options) for prefix in ("", "k"))
        equal(ours, theirs, f"{role} to {address} {' '.join(options)}")
    equal(fate(lab, "", "a", ANYWHERE, ("-t", "33"))[0], ["c"], "the way by the mark")


@stateful
def test_no_rules(lab):
    """With the last rule the kernel finds no route at all (net/core/fib_rules.c), and a weft that starts then neither."""
    a, _ = router(lab)
    a.reaches(B4)
    for priority in ("32767", "32766", "0"):
        lab.switch.ip("rule", "del", "pref", priority)
    kernel = subprocess.run(["ip", "-n", lab.switch.name, "route", "get", B4], text=True, capture_output=True).stderr
    check("Network is unreachable" in kernel, kernel)
    wait_for(lambda: a.ping(B4, 1) == 0, "weft has seen it")
    equal(lab.refused("ip", "route", "get", B4), "RTNETLINK answers: Network is unreachable\n", "what weft says of it")
    before = forwarded(lab)
    equal(a.ping(B4, 3, 0.05), 0, "answers without rules")
    lab.daemons[0].kill()
    with open(f"{lab.folder}/weft.conf") as config:
        lab.weftd(config.read())
    equal((a.ping(B4, 3, 0.05), forwarded(lab) > before), (0, False), "answers, and packets forwarded, after a restart")
    lab.switch.ip("rule", "add", "pref", "0", "lookup", "local"), lab.switch.ip("rule", "add", "pref", "32766", "lookup", "main")
    a.reaches(B4)


def group(lab, kind):
    """Three hosts behind a group of next hops; a function that says by which port each of 240 flows leaves."""
    router(lab, hosts="abcd")
    for number, role in enumerate("bcd", 2):
        lab.switch.ip("neigh", "replace", f"10.0.{number}.2", "lladdr", lab.namespaces[role].link("eth0")["address"], "dev", role)
        lab.switch.ip("nexthop", "add", "id", str(number), "via", f"10.0.{number}.2", "dev", role)
    lab.switch.ip("nexthop", "add", "id", "10", "group", "2/3/4", *kind)
    lab.switch.ip("route", "add", f"{ANYWHERE}/32", "nhid", "10")
    lab.weft("sysctl", "-w", "net.ipv4.fib_multipath_hash_policy=1")
    wait_for(lambda: ANYWHERE in lab.weft("ip", "route", "show"), "weft knows the route")
    own = frames.mac(lab.switch.link("a")["address"])
    wires = {role: lab.wire(role) for role in "abcd"}

    def ways():
        for wire in wires.values():
            wire.drain()
        datagrams = [struct.pack("!HHHH", port, 9, 8, 0) for port in range(1000, 1240)]
        for start in range(0, 240, 40):
            wires["a"].send(*(frames.frame(own, frames.mac("02:aa:00:00:00:01"), 0x0800, frames.ipv4("10.0.1.2", ANYWHERE, 17, one))
                              for one in datagrams[start:start + 40]))
        found = {}

        def all_there():
            for role in "bcd":
                for data in wires[role].drain():
                    if data[12:14] == b"\x08\0" and data[30:34] == socket.inet_aton(ANYWHERE):
                        found[struct.unpack("!H", data[34:36])[0]] = role
            return len(found) == 240
        wait_for(all_there, "all flows arrive")
        return found
    return ways


def when_one_leaves(lab, kind):
    ways = group(lab, kind)
    before = ways()
    counts = [list(before.values()).count(role) for role in "bcd"]
    check(min(counts) > 40, f"flows by port: {counts}")
    equal(ways(), before, "ways of the same flows again")
    lab.switch.ip("nexthop", "replace", "id", "10", "group", "2/3", *kind)
    wait_for(lambda: "d" not in ways().values(), "the group without d")
    after = ways()
    equal([port for port in before if before[port] != "d" and after[port] != before[port]], [], "flows that moved for nothing")
    moved = [after[port] for port in before if before[port] == "d"]
    check(min(moved.count("b"), moved.count("c")) > 10, f"d's flows went to {moved}")


@stateful
def test_flows_stay_in_a_group(lab):
    """When a member leaves a group only its flows move, to both that stay."""
    when_one_leaves(lab, ())


@stateful
def test_flows_stay_in_a_resilient_group(lab):
    """The same of a group that the kernel keeps resilient itself."""
    when_one_leaves(lab, ("type", "resilient", "buckets", "64"))
