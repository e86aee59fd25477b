"""Next-hop groups end to end: which way flows go."""

import socket
import struct

import frames
from lab import check, equal, stateful, wait_for
from test_route import router

ANYWHERE = "198.51.100.1"


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
