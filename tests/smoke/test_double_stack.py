"""Port devices and TAPs in one namespace, the kernel forwarding: nothing is answered or forwarded twice."""

import socket
import time

import frames
from lab import equal, port_line, stateful


def routed(lab):
    """a and b on ports of their own, the kernel routing between the ports' TAPs."""
    for number, role in enumerate("ab", 1):
        host = lab.host(role, f"10.{number}.0.2/24")
        host.ip("route", "add", "default", "via", f"10.{number}.0.1")
    lab.switch.sysctl("net.ipv4.ip_forward", 1)
    lab.weftd(port_line("a") + port_line("b") + "ip addr add 10.1.0.1/24 dev a\nip addr add 10.2.0.1/24 dev b\n")
    lab.namespaces["a"].reaches("10.1.0.1")
    lab.namespaces["b"].reaches("10.2.0.1")


@stateful
def test_one_arp_reply(lab):
    """One ARP request for the TAP's address gets one reply, with the TAP's MAC."""
    routed(lab)
    wire, own = lab.wire("a"), frames.mac(lab.namespaces["a"].link("eth0")["address"])
    wire.send(frames.frame(frames.BROADCAST, own, frames.ARP, frames.arp_request(own, "10.1.0.2", "10.1.0.1")))
    replies = wire.collect(0.7, lambda data: data[12:14] == b"\x08\x06" and data[20:22] == b"\0\2")
    equal([frames.mac_text(data[6:12]) for data in replies], [lab.switch.link("a")["address"]], "who replied")


@stateful
def test_one_echo_reply(lab):
    """One ping to the TAP's address gets one answer."""
    routed(lab)
    wire, own = lab.wire("a"), frames.mac(lab.namespaces["a"].link("eth0")["address"])
    port = frames.mac(lab.switch.link("a")["address"])
    wire.send(frames.frame(port, own, frames.IPV4, frames.echo_request("10.1.0.2", "10.1.0.1", 77)))
    equal(len(wire.collect(0.7, lambda data: data[12:14] == b"\x08\0" and data[23] == 1 and data[34] == 0
                           and data[38:40] == b"\0\x4d")), 1, "answers")


@stateful
def test_a_routed_packet_leaves_once(lab):
    """A packet from a to b, routed by the kernel between the TAPs, leaves towards b once, TTL less one."""
    routed(lab)
    lab.namespaces["a"].reaches("10.2.0.2")
    near, far = lab.wire("a"), lab.wire("b")
    own, port = (frames.mac(link["address"]) for link in (lab.namespaces["a"].link("eth0"), lab.switch.link("a")))
    time.sleep(0.1)
    near.drain(), far.drain()
    near.send(frames.frame(port, own, frames.IPV4, frames.echo_request("10.1.0.2", "10.2.0.2", 78, ttl=40)))
    got = far.collect(0.7, lambda data: data[12:14] == b"\x08\0" and data[23] == 1 and data[34] == 8
                      and data[38:40] == b"\0\x4e")
    equal([data[22] for data in got], [39], "TTLs of what left towards b")
    equal(len(near.collect(0.1, lambda data: data[12:14] == b"\x08\0" and data[34] == 0
                           and data[38:40] == b"\0\x4e")), 1, "answers")


@stateful
def test_one_of_each_with_a_bridge(lab):
    """The same with the address on a bridge's TAP: one ARP reply, one answer, the flood to the other port once."""
    lab.switch.sysctl("net.ipv4.ip_forward", 1)
    a, _ = lab.bridge("a", "b", extra="ip addr add 10.0.0.254/24 dev br0\n")
    a.reaches("10.0.0.254")
    near, far, own = lab.wire("a"), lab.wire("b"), frames.mac(a.link("eth0")["address"])
    near.send(frames.frame(frames.BROADCAST, own, frames.ARP, frames.arp_request(own, "10.0.0.1", "10.0.0.254")))
    equal(len(near.collect(0.5, lambda data: data[12:14] == b"\x08\x06" and data[20:22] == b"\0\2")), 1, "ARP replies")
    equal(len(far.collect(0.1, lambda data: data[12:14] == b"\x08\x06" and data[6:12] == own
                          and data[38:42] == socket.inet_aton("10.0.0.254"))), 1, "requests flooded")
    bridge = frames.mac(lab.switch.link("br0")["address"])
    near.send(frames.frame(bridge, own, frames.IPV4, frames.echo_request("10.0.0.1", "10.0.0.254", 79)))
    equal(len(near.collect(0.5, lambda data: data[12:14] == b"\x08\0" and data[34] == 0
                           and data[38:40] == b"\0\x4f")), 1, "answers")
