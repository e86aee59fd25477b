"""AF_XDP ports on veth: taken and given back, and what XDP loses of a frame."""

import frames
from lab import check, equal, port_line, stateful
from test_ports import transfer


def xdp_line(role, options=""):
    return f"port add {role} up type af_xdp dev v{role} {options}".rstrip() + "\n"


def xdp_bridge(lab, *kinds):
    """Hosts a, b, … on br0, each by the kind of port given."""
    hosts = [lab.host(role, f"10.0.0.{number}/24") for number, role in enumerate("ab"[:len(kinds)], 1)]
    lab.weftd("".join({"xdp": xdp_line, "packet": port_line}[kind](role) for role, kind in zip("ab", kinds))
              + "ip link add br0 up type bridge\n"
              + "".join(f"ip link set {role} master br0\n" for role in "ab"[:len(kinds)]))
    return hosts


@stateful
def test_xdp_containers(lab):
    """Two namespaces by af_xdp, offloads as veth has them: ping, and TCP with every byte right."""
    a, b = xdp_bridge(lab, "xdp", "xdp")
    a.reaches("10.0.0.2")
    equal(a.ping("10.0.0.2", 20, 0.01, 1400), 20, "answers")
    transfer(a, b, "10.0.0.2", 1 << 20)


@stateful
def test_xdp_and_packet_socket(lab):
    """A host by af_xdp and one by af_packet, with the offloads of veth: TCP both ways."""
    a, b = xdp_bridge(lab, "xdp", "packet")
    a.reaches("10.0.0.2")
    transfer(a, b, "10.0.0.2", 1 << 20)
    transfer(b, a, "10.0.0.1", 1 << 20, 5001)


@stateful
def test_xdp_finishes_checksums(lab):
    """A veth sender's unfinished checksum, which XDP does not tell of, is finished: right on the other's wire."""
    a, _ = xdp_bridge(lab, "xdp", "xdp")
    a.reaches("10.0.0.2")
    wire = lab.wire("b")
    wire.drain()
    a.run("bash", "-c", "for n in 1 2 3 4; do echo checksum > /dev/udp/10.0.0.2/9; done")
    sent = wire.collect(0.5, lambda data: data[12:14] == b"\x08\0" and data[23] == 17)
    equal(len(sent), 4, "datagrams")
    for data in sent:
        length = int.from_bytes(data[16:18], "big") - 20
        sum_of = data[26:34] + bytes([0, 17]) + length.to_bytes(2, "big") + data[34:34 + length]
        equal(frames.checksum(sum_of), 0, "sum over a datagram and its checksum")


def test_xdp_device_is_taken_and_given_back(lab):
    """The kernel's stack has the device neither before its frames nor after; one device is one port's."""
    a = lab.host("a", "10.0.0.1/24")
    before = lab.switch.link("va")["flags"]
    lab.weftd(xdp_line("a") + "ip addr add 10.0.0.9/24 dev a\n")
    a.reaches("10.0.0.9")
    check("NOARP" in lab.switch.link("va")["flags"], "not taken")
    check("belongs to port a already" in lab.refused("port", "add", "x", "type", "af_packet", "dev", "va"), "twice")
    check("there is no device none" in lab.refused("port", "add", "x", "type", "af_xdp", "dev", "none"), "missing")
    for _ in range(3):
        lab.weft("port", "del", "a")
        equal(lab.switch.link("va")["flags"], before, "flags after port del")
        check("xdp" not in lab.switch.link("va"), "the XDP program stays")
        lab.weft("port", "add", "a", "up", "type", "af_xdp", "dev", "va")
        lab.weft("ip", "addr", "add", "10.0.0.9/24", "dev", "a")
        a.reaches("10.0.0.9")
    check("port add a up type af_xdp dev va" in lab.weft("save"), "save")
    lab.daemons[-1].terminate()
    equal(lab.switch.link("va")["flags"], before, "flags after the end")
    check("xdp" not in lab.switch.link("va"), "the XDP program stays after the end")
