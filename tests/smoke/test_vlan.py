"""VLAN filtering between access and trunk ports, and sub-interfaces."""

import os
import struct

import frames
from lab import TOP, bridge_config, check, equal, port_line, stateful, wait_for
from test_route import A4, A6, forwarded, router

TRUNK_HOST = os.path.join(TOP, "conf/trunk-host")
ACCESS = """
bridge vlan del dev a vid 1
bridge vlan add dev a vid 10 pvid untagged
bridge vlan del dev b vid 1
bridge vlan add dev b vid 10 pvid untagged
bridge vlan del dev c vid 1
bridge vlan add dev c vid 20 pvid untagged
bridge vlan del dev t vid 1
bridge vlan add dev t vid 10
bridge vlan add dev t vid 20
"""
SOURCE, UNKNOWN = frames.mac("02:aa:00:00:00:01"), frames.mac("02:bb:00:00:00:01")


def network(lab):
    """a, b in VLAN 10, c in VLAN 20, all in one IP subnet; t carries both tagged."""
    hosts = [lab.host(role, f"10.0.0.{n}/24") for n, role in enumerate("abc", 1)]
    hosts.append(lab.host("t"))
    lab.weftd(bridge_config("a", "b", "c", "t", options="vlan_filtering 1") + ACCESS)
    return hosts


@stateful
def test_isolation(lab):
    """Hosts of one VLAN reach each other, hosts of two do not, in one subnet; a trunk host reaches both, tagged."""
    a, b, c, t = network(lab)
    lab.start(t, "python3", TRUNK_HOST, "eth0", "answer", "10=10.0.0.10", "20=10.0.0.20")
    a.reaches("10.0.0.2")
    b.reaches("10.0.0.1")
    a.reaches("10.0.0.10")
    c.reaches("10.0.0.20")
    equal(a.ping("10.0.0.3", 2, 0.2), 0, "answers from VLAN 20 in VLAN 10")
    equal(c.ping("10.0.0.1", 2, 0.2), 0, "answers from VLAN 10 in VLAN 20")
    equal(c.ping("10.0.0.10", 2, 0.2), 0, "answers from the trunk's VLAN 10 in VLAN 20")


@stateful
def test_tags(lab):
    """Untagged in leaves the trunk tagged, tagged in leaves the access port untagged; priority is kept."""
    network(lab)
    wires = {role: lab.wire(role) for role in "abct"}
    mine = lambda data: data[6:12] == SOURCE
    wires["a"].send(frames.frame(UNKNOWN, SOURCE, payload=b"one"))
    equal((wires["t"].wait(mine) or b"")[12:16], frames.tag(10), "tag on the trunk")
    equal((wires["b"].wait(mine) or b"")[12:14], b"\x88\xb5", "ethertype at the access port")
    equal(wires["c"].collect(0.2, mine), [], "frames of VLAN 10 in VLAN 20")
    wires["a"].send(frames.frame(UNKNOWN, SOURCE, payload=b"two", tags=frames.tag(0, pcp=5)))
    equal((wires["t"].wait(lambda data: b"two" in data) or b"")[12:16], frames.tag(10, pcp=5), "tag of a priority frame")
    for wire in wires.values():
        wire.drain()
    other = frames.mac("02:aa:00:00:00:02")
    wires["t"].send(frames.frame(UNKNOWN, other, payload=b"three", tags=frames.tag(20, pcp=3)))
    equal((wires["c"].wait(lambda data: b"three" in data) or b"")[12:14], b"\x88\xb5", "ethertype at the access port")
    wires["t"].send(frames.frame(UNKNOWN, other, payload=b"four", tags=frames.tag(30)))
    equal(wires["a"].collect(0.2, lambda data: b"four" in data), [], "frames of an unknown VLAN")
    check(lab.drops("bridge/vlan_filtered", "t") > 0, "the filtered frame was not counted")


def test_default_pvid(lab):
    """Without a word about VLANs all ports are in VLAN 1, untagged; vlan_default_pvid 0 takes them out."""
    a, _ = lab.bridge("a", "b", options="vlan_filtering 1")
    a.reaches("10.0.0.2")
    lab.weft("ip", "link", "set", "br0", "type", "bridge", "vlan_default_pvid", "0")
    equal(a.ping("10.0.0.2", 2, 0.2), 0, "answers without a PVID")


def test_delete_vlan_under_traffic(lab):
    """Deleting a VLAN from a port stops that VLAN only."""
    a, _, c, t = network(lab)
    lab.start(t, "python3", TRUNK_HOST, "eth0", "answer", "10=10.0.0.10", "20=10.0.0.20")
    a.reaches("10.0.0.10")
    c.reaches("10.0.0.20")
    lab.weft("bridge", "vlan", "del", "dev", "t", "vid", "20")
    equal(c.ping("10.0.0.20", 2, 0.2), 0, "answers in the deleted VLAN")
    equal(a.ping("10.0.0.10", 10, 0.02), 10, "answers in the other VLAN")


@stateful
def test_subinterface_with_address(lab):
    """A VLAN sub-interface of a port has a TAP: a tagged host pings the address on it."""
    t = lab.host("t")
    lab.weftd(port_line("t") + "ip link add link t name t.8 up type vlan id 8\nip addr add 10.8.0.1/24 dev t.8\n")
    child = lab.start(t, "python3", TRUNK_HOST, "eth0", "answer", "8=10.8.0.8")
    wait_for(lambda: lab.switch.ping("10.8.0.8", 1) == 1, "the kernel reaches the tagged host")
    equal(lab.switch.ping("10.8.0.8", 5), 5, "answers")
    equal(child.poll(), None, "the tagged host ended")


@stateful
def test_subinterface_in_bridge(lab):
    """A sub-interface as bridge member: a tagged host and an untagged one are one network."""
    t, a = lab.host("t"), lab.host("a", "10.0.0.1/24")
    lab.weftd(port_line("t") + port_line("a") + "ip link add link t name t.8 up type vlan id 8\n"
              "ip link add br0 up type bridge\nip link set t.8 master br0\nip link set a master br0\n")
    lab.start(t, "python3", TRUNK_HOST, "eth0", "answer", "8=10.0.0.8", "9=10.0.0.9")
    a.reaches("10.0.0.8")
    equal(a.ping("10.0.0.9", 2, 0.2), 0, "answers from another tag")


@stateful
def test_stacked_subinterfaces(lab):
    """A sub-interface on an 802.1ad sub-interface: the kernel behind both tags answers with both."""
    host = lab.host("t")
    host.ip("link", "set", "eth0", "mtu", "1600")  # the other side may send more
    lab.weftd(port_line("t") + "ip link add link t name t.100 up type vlan proto 802.1ad id 100\n"
              "ip link add link t.100 name t.100.5 up type vlan id 5\nip addr add 10.5.0.1/24 dev t.100.5\n")
    wire = lab.wire("t")
    both = frames.tag(100, tpid=frames.SERVICE) + frames.tag(5)
    request = frames.arp_request(SOURCE, "10.5.0.2", "10.5.0.1")
    wire.send(frames.frame(frames.BROADCAST, SOURCE, frames.ARP, request, tags=both))
    answer = wire.wait(lambda data: data[:6] == SOURCE) or b""
    equal((answer[12:20], answer[20:22]), (both, b"\x08\x06"), "tags and type of the ARP answer")
    wire.send(frames.frame(answer[6:12], SOURCE, frames.IPV4, frames.echo_request("10.5.0.2", "10.5.0.1"), tags=both))
    echo = wire.wait(lambda data: data[:6] == SOURCE and data[20:22] == b"\x08\x00") or b""
    equal(echo[12:20], both, "tags of the echo answer")
    # A packet socket takes a frame of the device's MTU with one tag: the other one is at the expense of the packet.
    equal([lab.json("ip", "link", "show", "dev", name)[0]["mtu"] for name in ("t", "t.100", "t.100.5")], [1500, 1500, 1496], "MTU")
    wire.send(frames.frame(answer[6:12], SOURCE, frames.IPV4, frames.echo_request("10.5.0.2", "10.5.0.1", payload=bytes(1468)), tags=both))
    echo = wire.wait(lambda data: data[:6] == SOURCE and data[20:22] == b"\x08\x00") or b""
    equal(len(echo), 1518, "length of the longest answer")
    for tags in (frames.tag(100) + frames.tag(5), frames.tag(100, tpid=frames.SERVICE) + frames.tag(6), frames.tag(5)):
        wire.send(frames.frame(frames.BROADCAST, SOURCE, frames.ARP, request, tags=tags))
    equal(wire.collect(0.3, lambda data: data[:6] == SOURCE), [], "answers to other tags")
    info = lab.json("ip", "-d", "link", "show", "t.100")[0]["linkinfo"]["info_data"]
    equal((info["protocol"], info["id"]), ("802.1ad", 100), "what is shown")


@stateful
def test_provider_bridge(lab):
    """An 802.1ad bridge: customers' tags are payload, the service tag tells them apart."""
    for role in "abt":
        lab.host(role)
    lab.weftd(bridge_config("a", "b", "t", options="vlan_filtering 1 vlan_protocol 802.1ad vlan_default_pvid 0")
              + "bridge vlan add dev a vid 100 pvid untagged\nbridge vlan add dev b vid 200 pvid untagged\n"
              "bridge vlan add dev t vid 100\nbridge vlan add dev t vid 200\n")
    wires = {role: lab.wire(role) for role in "abt"}
    service = lambda vid: frames.tag(vid, tpid=frames.SERVICE)
    wires["a"].send(frames.frame(frames.BROADCAST, SOURCE, payload=b"from a", tags=frames.tag(7, pcp=2)))
    got = wires["t"].wait(lambda data: b"from a" in data) or b""
    equal(got[12:20], service(100) + frames.tag(7, pcp=2), "tags at the provider's port")
    equal(wires["b"].collect(0.2, lambda data: b"from a" in data), [], "frames of another customer")
    wires["t"].send(frames.frame(frames.BROADCAST, SOURCE, payload=b"from t", tags=service(200) + frames.tag(9)))
    got = wires["b"].wait(lambda data: b"from t" in data) or b""
    equal((got[12:16], got[16:18]), (frames.tag(9), b"\x88\xb5"), "tag at the customer's port")
    equal(wires["a"].collect(0.2, lambda data: b"from t" in data), [], "frames of another customer")


def test_shown_as_linux(lab):
    """`bridge vlan` shows sets as Linux does, `-j` too."""
    network(lab)
    rows = {row["ifname"]: row["vlans"] for row in lab.json("bridge", "vlan", "show")}
    equal(rows["a"], [{"vlan": 10, "flags": ["PVID", "Egress Untagged"]}], "VLANs of an access port")
    equal([row["vlan"] for row in rows["t"]], [10, 20], "VLANs of the trunk")
    check("10 PVID Egress Untagged" in lab.weft("bridge", "vlan"), "text form")


@stateful
def test_between_two_tags(lab):
    """QinQ: from and to a sub-interface on an 802.1ad sub-interface, both families; with both tags, and a TTL less."""
    a, _ = router(lab, "ip link add link b name b.s up type vlan proto 802.1ad id 100\nip link add link b.s name b.s.5 up type vlan id 5\n"
                       "ip addr add 10.62.0.1/24 dev b.s.5\nip addr add 2001:db8:62::1/64 dev b.s.5 nodad\n")
    wire, station, own = lab.wire("b"), frames.mac("02:00:00:00:62:02"), frames.mac(lab.switch.link("b.s.5")["address"])
    tags = frames.tag(100, tpid=frames.SERVICE) + frames.tag(5)
    before = forwarded(lab)
    for near, far, type_of, packet, limit in (
            (A4, "10.62.0.2", 0x0800, frames.echo_request("10.62.0.2", A4), 8),
            (A6, "2001:db8:62::2", 0x86DD, frames.ipv6("2001:db8:62::2", A6, 58, frames.icmp6("2001:db8:62::2", A6, 128, 0, b"\0\1\0\1weft")), 7)):
        lab.switch.ip("neigh", "add", far, "lladdr", frames.mac_text(station), "dev", "b.s.5")
        a.reaches("10.0.1.1" if near == A4 else "2001:db8:1::1")
        wire.drain()
        wire.send(frames.frame(own, station, type_of, packet, tags))
        answer = wire.wait(lambda data: data[:6] == station)
        check(answer and answer[12:22] == tags + struct.pack("!H", type_of), f"{far}: tags of the answer: {answer and answer[12:22]}")
        equal((answer[6:12], answer[22 + limit]), (own, 63), f"{far}: source and TTL of the answer")
    check(forwarded(lab) - before >= 4, "the workers did not forward them")
