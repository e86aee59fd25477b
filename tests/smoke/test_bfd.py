"""BFD (RFC 5880) by FRR over weft: what the kernel gets is policed per class and port, so that floods do not end a session."""

import time

from lab import check, equal, port_line, wait_for
from routing import Frr
from test_route import forwarded

MILLISECONDS, MULTIPLIER, PUNTED = 100, 3, 10000
PEERS = (("10.0.1.2", "10.0.1.1"), ("2001:db8:1::2", "2001:db8:1::1"))


def bfd(pairs):
    return "bfd\n" + "".join(f" peer {remote} local-address {local}\n  detect-multiplier {MULTIPLIER}\n  receive-interval {MILLISECONDS}\n"
                             f"  transmit-interval {MILLISECONDS}\n exit\n" for remote, local in pairs) + "exit\n"


def sessions(frr):
    """Of each session: its state and how often it went down."""
    down = {peer["peer"]: peer["session-down"] for peer in frr.list("show bfd peers counters json", "bfdd")}
    return [(peer["peer"], peer["status"], down[peer["peer"]]) for peer in frr.list("show bfd peers json", "bfdd")]


def received(frr):
    return sum(peer["control-packet-input"] for peer in frr.list("show bfd peers counters json", "bfdd"))


def test_bfd_under_load(lab):
    """3 x 100 ms, both families: a generator's packets are forwarded as fast as the worker can, and another's are for the kernel.

    The worker has a CPU of its own. Of 200,000 packets/s for the kernel it gets 10,000, which leaves the other CPU to the daemons:
    what is shown is that the class of routing protocols has its own rate and queue at each port."""
    a = lab.host("a", "10.0.1.2/24")
    a.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
    a.ip("addr", "add", "2001:db8:1::2/64", "dev", "eth0", "nodad")
    lab.weftd(port_line("a") + "ip addr add 10.0.1.1/24 dev a\nip addr add 2001:db8:1::1/64 dev a nodad\n"
              "port add n up type null\nip addr add 10.9.0.1/24 dev n\n"
              "port add g type gen flows 1 mac 02:00:00:00:00:aa dst 02:00:00:00:00:aa\n"
              "port add h type gen flows 1 mac 02:00:00:00:00:bb dst 02:00:00:00:00:bb rate 200000\n")
    for device in "gh":
        lab.switch.ip("addr", "add", f"10.9.{ord(device)}.1/24", "dev", device)
    lab.switch.ip("neigh", "add", "10.9.0.2", "lladdr", "02:00:00:00:00:cc", "dev", "n")
    ours = Frr(lab, "sw", zebra="", bfdd=bfd(PEERS))
    theirs = Frr(lab, "a", zebra="", bfdd=bfd((local, remote) for remote, local in PEERS))
    wait_for(lambda: all(state == "up" for frr in (ours, theirs) for _, state, _ in sessions(frr)), "both sessions are up", 15)
    before = {id(frr): sessions(frr) for frr in (ours, theirs)}
    lab.switch.ip("route", "add", "198.18.0.0/15", "via", "10.9.0.2", "dev", "n")
    lab.switch.ip("route", "add", "local", "198.18.0.1", "dev", "lo", "table", "99")
    lab.switch.ip("rule", "add", "iif", "h", "table", "99", "priority", "99")
    lab.weft("sysctl", "-w", f"net.weft.punt.host={PUNTED}")
    for port in "gh":
        lab.weft("ip", "link", "set", port, "up")
    time.sleep(0.5)
    begin, sent, heard = time.monotonic(), forwarded(lab), received(ours)
    time.sleep(5)
    seconds = time.monotonic() - begin
    rate, heard = (forwarded(lab) - sent) / seconds, received(ours) - heard
    for frr in (ours, theirs):
        equal(sessions(frr), before[id(frr)], f"sessions of {frr.role}")
    check(heard > 2 * seconds * 1000 / MILLISECONDS * 0.8, f"{heard} BFD packets in {seconds:g} s")
    check(rate > 100000, f"forwarded {rate:.0f} a second")
    check(lab.drops("punt/policed", "h") > PUNTED, "what was for the kernel was not policed")
    equal(lab.drops("punt/policed", "a"), 0, "packets policed at the port of the sessions")
    a.ip("link", "set", "eth0", "down")
    wait_for(lambda: all(state == "down" for _, state, _ in sessions(ours)), "the end of the link is noticed", 3)
