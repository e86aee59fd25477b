"""Internal veth pairs and dummies: between bridges, between a bridge and the kernel, in loops."""

import os
import time

import frames
from lab import check, equal, port_line, stateful, wait_for
from test_observe import capture, ended, opened, read_back
from test_ports import transfer

PAIR = "ip link add va0 up type veth peer name vb0 up\n"


def two_bridges(lab, extra=""):
    hosts = [lab.host("a", "10.0.0.1/24"), lab.host("b", "10.0.0.2/24")]
    lab.weftd(port_line("a") + port_line("b") + "ip link add br0 up type bridge\nip link add br1 up type bridge\n" + PAIR
              + "ip link set a master br0\nip link set va0 master br0\nip link set vb0 master br1\nip link set b master br1\n"
              + extra)
    return hosts


@stateful
def test_joins_two_bridges(lab):
    """Hosts of two bridges reach each other over the pair, with offloads on, and both ends count."""
    a, b = two_bridges(lab)
    a.reaches("10.0.0.2")
    equal(a.ping("10.0.0.2", 20, 0.01), 20, "answers")
    equal(b.ping("10.0.0.1", 20, 0.01, size=1400), 20, "answers the other way")
    transfer(a, b, "10.0.0.2", 4 << 20)
    shown = {link["ifname"]: link for link in lab.json("ip", "-s", "link")}
    for end, other in (("va0", "vb0"), ("vb0", "va0")):
        equal(shown[end]["link"], other, "peer shown")
        equal(shown[end]["stats64"]["tx"]["packets"], shown[other]["stats64"]["rx"]["packets"], f"{end} sent, {other} received")
    check(shown["va0"]["stats64"]["tx"]["packets"] > 40, "the pair carried it")


@stateful
def test_bridge_and_host(lab):
    """The kernel has the other end: an address on its TAP is in the bridge's network, and each end has a TAP."""
    a = lab.host("a", "10.0.0.1/24")
    lab.weftd(port_line("a") + "ip link add br0 up type bridge\n" + PAIR
              + "ip link set a master br0\nip link set va0 master br0\nip addr add 10.0.0.9/24 dev vb0\n")
    a.reaches("10.0.0.9")
    equal(a.ping("10.0.0.9", 20, 0.01), 20, "answers of the kernel")
    equal(lab.switch.ping("10.0.0.1", 5), 5, "answers of the host")
    for end in ("va0", "vb0"):
        equal(lab.switch.link(end)["linkinfo"]["info_kind"], "tun", f"device {end}")


def test_carrier_and_deletion(lab):
    """Carrier only when both ends are up; deleting one deletes both, their TAPs too."""
    lab.weftd("ip link add va0 type veth peer name vb0\n")
    state = lambda end: lab.json("ip", "link", "show", "dev", end)[0]["operstate"]
    equal((state("va0"), state("vb0")), ("DOWN", "DOWN"), "states of a new pair")
    lab.weft("ip", "link", "set", "va0", "up")
    equal(state("va0"), "LOWERLAYERDOWN", "state with the peer down")
    wait_for(lambda: "NO-CARRIER" in lab.switch.link("va0")["flags"], "the TAP has no carrier")
    lab.switch.ip("link", "set", "vb0", "up")
    wait_for(lambda: (state("va0"), state("vb0")) == ("UP", "UP"), "both up")
    wait_for(lambda: "NO-CARRIER" not in lab.switch.link("va0")["flags"], "the TAP has a carrier")
    lab.weft("ip", "link", "set", "vb0", "mtu", "1400")
    mtus = {link["ifname"]: link["mtu"] for link in lab.json("ip", "link", "show", "type", "veth")}
    equal(mtus, {"va0": 1500, "vb0": 1400}, "MTU of each end")
    lab.weft("ip", "link", "del", "vb0")
    equal(lab.switch.links(), [], "devices left")
    equal(lab.weft("save"), "", "what is saved")


@stateful
def test_loop_never_starves(lab):
    """Five pairs between two bridges make a storm of a broadcast; ports and the API go on, hops end it."""
    extra = "".join(f"ip link add x{n} up type veth peer name y{n} up\nip link set x{n} master br0\n"
                    f"ip link set y{n} master br1\n" for n in range(4))
    extra += "ip link add br9 up type bridge\n" + port_line("c") + port_line("d") + "ip link set c master br9\nip link set d master br9\n"
    c = lab.host("c", "10.9.0.1/24")
    lab.host("d", "10.9.0.2/24")
    a, _ = two_bridges(lab, extra)
    c.reaches("10.9.0.2")
    wire = lab.wire("a")
    for _ in range(50):
        wire.send(frames.frame(frames.BROADCAST, frames.mac("02:aa:00:00:00:01")))
    equal(c.ping("10.9.0.2", 20, 0.01), 20, "answers in the bridge beside the storm")
    begin = time.monotonic()
    check(lab.drops("ingress/too_many_hops") > 0, "no frame ended by its hops")
    check(time.monotonic() - begin < 2, "the API was slow")


@stateful
def test_deleted_under_traffic(lab):
    """A pair that goes and comes under traffic loses its frames only, and the switch goes on."""
    a, _ = two_bridges(lab)
    a.reaches("10.0.0.2")
    lab.start(a, "ping", "-f", "-q", "10.0.0.2")
    for _ in range(5):
        lab.weft("ip", "link", "del", "va0")
        lab.weft("-f", lab.file("again.conf", PAIR + "ip link set va0 master br0\nip link set vb0 master br1\n"))
    a.reaches("10.0.0.2")
    equal(lab.daemons[0].process.poll(), None, "weftd ended")


def test_dummy(lab):
    """A dummy takes an address, counts what it is sent, and nobody gets it."""
    lab.weftd("ip link add d0 up type dummy\nip addr add 10.7.0.1/24 dev d0\n")
    check("NOARP" in lab.switch.link("d0")["flags"], "its TAP asks for neighbours")
    equal(lab.switch.ping("10.7.0.1", 2), 2, "answers of its own address")
    equal(lab.switch.ping("10.7.0.2", 2, 0.2), 0, "answers of nobody")
    sent = lambda: lab.json("ip", "-s", "link", "show", "dev", "d0")[0]["stats64"]["tx"]["packets"]
    wait_for(lambda: sent() >= 2, "what it swallowed is counted")
    equal(lab.json("ip", "-d", "link", "show", "d0")[0]["linkinfo"]["info_kind"], "dummy", "kind")


def test_saved_and_applied(lab):
    """The pair is one line; applying what was saved changes nothing."""
    lines = ("ip link add va0 mtu 1400 up type veth peer name vb0 address 02:00:00:00:00:01 up\n"
             "ip link add d0 type dummy\n")
    lab.weftd(lines)
    equal(lab.weft("save"), lines, "what is saved")
    index = lab.switch.link("va0")["ifindex"]
    lab.weft("apply", lab.file("same.conf", lines))
    equal(lab.switch.link("va0")["ifindex"], index, "the TAP after an apply")
    equal(lab.switch.link("vb0")["address"], "02:00:00:00:00:01", "address of the peer's TAP")


@stateful
def test_seen(lab):
    """tcpdump on an end shows what it carries, explain follows a frame through the pair."""
    a, _ = two_bridges(lab)
    a.reaches("10.0.0.2")
    path = os.path.join(lab.folder, "va0.pcapng")
    child = capture(lab, "-i", "va0", "-c", "4", "-w", path, "icmp")
    opened(lab, path)
    equal(a.ping("10.0.0.2", 2), 2, "answers while a capture runs")
    ended(child)
    equal(len(read_back(path)), 4, "requests and answers captured")
    unknown = frames.frame(frames.mac("02:bb:00:00:00:01"), frames.mac("02:aa:00:00:00:01"))
    shown = lab.weft("explain", "a", "hex", unknown.hex())
    check("60 bytes by va0" in shown and "60 bytes by b" in shown, f"explain: {shown}")
    lab.weft("explain", "a", "hex", frames.frame(frames.BROADCAST, frames.mac("02:aa:00:00:00:01")).hex())
