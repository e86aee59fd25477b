"""keepalived on weft's TAPs: VRRP with virtual MACs (RFC 5798), which are macvlans on the TAP."""

import os

import frames
from lab import check, equal, port_line, stateful, wait_for
from routing import Keepalived
from test_ports import Pings
from test_route import forwarded

VIRTUAL = {"10.0.1.254": "00:00:5e:00:01:07", "10.0.2.254": "00:00:5e:00:01:08"}
ADVERT_SECONDS = 0.2


def instance(name, device, number, priority, address):
    return (f"vrrp_instance {name} {{ interface {device}\n virtual_router_id {number}\n priority {priority}\n advert_int {ADVERT_SECONDS}\n version 3\n"
            f" use_vmac vrrp{number}\n virtual_ipaddress {{ {address}/24 }}\n}}\n")


def keepalived(priority, left, right):
    """Both sides' virtual routers, which move together."""
    return ("global_defs { vrrp_garp_master_delay 0\n dynamic_interfaces\n }\n"
            "vrrp_sync_group both { group { left\n right\n } }\n"
            + instance("left", left, 7, priority, "10.0.1.254") + instance("right", right, 8, priority, "10.0.2.254"))


def between_switches(lab):
    """Hosts a and b with a bridge of the test's kernel each, to which weft's ports and router `other` are connected."""
    hosts = []
    other = lab.namespace("other")
    other.sysctl("net.ipv4.ip_forward", 1)
    for number, role in enumerate("ab", 1):
        lan, host = lab.namespace(f"lan{role}"), lab.namespace(role)
        lan.sysctl("net.ipv6.conf.default.disable_ipv6", 1), host.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        lan.ip("link", "add", "lan", "up", "type", "bridge")
        for place, device, end in ((lab.switch, f"v{role}", "weft"), (other, f"eth{number}", "other"), (host, "eth0", "host")):
            lan.ip("link", "add", end, "up", "master", "lan", "type", "veth", "peer", "name", device, "netns", place.name)
        host.ip("addr", "add", f"10.0.{number}.2/24", "dev", "eth0"), host.ip("link", "set", "eth0", "up")
        host.ip("route", "add", "default", "via", f"10.0.{number}.254")
        other.ip("addr", "add", f"10.0.{number}.3/24", "dev", f"eth{number}"), other.ip("link", "set", f"eth{number}", "up")
        hosts.append(host)
    lab.weftd("".join(port_line(role) + f"ip addr add 10.0.{number}.1/24 dev {role}\n" for number, role in enumerate("ab", 1)))
    return hosts, other


def holds(namespace, devices):
    """Whether the namespace is master of both virtual routers."""
    shown = namespace.ip("-o", "addr")
    return all(f"{address}/24" in shown for address in VIRTUAL) and all(namespace.link(device) for device in devices)


@stateful
def test_fail_over(lab):
    """Hosts use the virtual routers' MACs; weft forwards while it is master; fail-over and back when keepalived and when weftd end."""
    (a, b), other = between_switches(lab)
    master = Keepalived(lab, "sw", keepalived(200, "a", "b"))
    wait_for(lambda: holds(lab.switch, ("vrrp7", "vrrp8")), "weft's keepalived is master", 20)
    Keepalived(lab, "other", keepalived(100, "eth1", "eth2"))
    wait_for(lambda: other.link("vrrp8"), "the other keepalived runs", 20)
    a.reaches("10.0.2.2", 10)
    for host, gateway in ((a, "10.0.1.254"), (b, "10.0.2.254")):
        check(f"lladdr {VIRTUAL[gateway]}" in host.ip("neigh", "show", gateway), host.ip("neigh"))

    def weft_forwards():
        """Whether ten echoes were answered by weft's work, and not the other router's."""
        before = forwarded(lab)
        return a.ping("10.0.2.2", 10, 0.02) == 10 and forwarded(lab) - before >= 20

    check(weft_forwards(), "weft did not forward as master")
    pings = Pings(lab, a, "10.0.2.2", 0.02)
    master.stop()
    wait_for(lambda: holds(other, ("vrrp7",)), "the other takes over", 10)
    a.reaches("10.0.2.2")
    check(not weft_forwards(), "weft forwarded what was for the other's virtual router")
    Keepalived(lab, "sw", keepalived(200, "a", "b"))
    wait_for(lambda: holds(lab.switch, ("vrrp7",)) and not holds(other, ()), "weft is master again", 20)
    wait_for(weft_forwards, "weft forwards as master again")
    lab.daemons[0].kill()
    wait_for(lambda: holds(other, ("vrrp7",)), "the other takes over when weftd died", 10)
    a.reaches("10.0.2.2")
    with open(os.path.join(lab.folder, "weft.conf")) as config:
        lab.weftd(config.read())
    wait_for(lambda: holds(lab.switch, ("vrrp7",)) and not holds(other, ()), "weft with its TAPs adopted is master again", 20)
    wait_for(weft_forwards, "weft forwards with the macvlans it found")
    lost = pings.lost() * 0.02
    check(lost < 4 * 10 * ADVERT_SECONDS, f"no answer for {lost:g} s in four changes")


def virtual(lab, device, name, mac, address):
    """What keepalived's use_vmac makes."""
    lab.switch.ip("link", "add", "link", device, "name", name, "address", mac, "type", "macvlan", "mode", "private")
    for where, variable, value in ((device, "arp_ignore", 1), (name, "rp_filter", 0), (name, "accept_local", 1)):
        lab.switch.sysctl(f"net/ipv4/conf/{where}/{variable}", value)
    lab.switch.ip("addr", "add", f"{address}/32", "dev", name), lab.switch.ip("link", "set", name, "up")


@stateful
def test_virtual_macs_on_a_bridge(lab):
    """Macvlans on a bridge and on a sub-interface over it, which has a MAC of its own, also where a former master was heard."""
    for role, address in (("a", "10.0.1.2"), ("b", "10.0.2.2"), ("c", "10.0.1.3")):
        lab.host(role, f"{address}/24")
    lab.weftd("".join(map(port_line, "abc")) + "ip link add br0 up type bridge vlan_filtering 1\nip addr add 10.0.1.1/24 dev br0\n"
              + "".join(f"ip link set {role} master br0\n" for role in "abc")
              + "bridge vlan add dev b vid 7 pvid untagged\nbridge vlan add dev br0 vid 7 self\n"
                "ip link add link br0 name br0.7 up type vlan id 7\nip link set br0.7 address 02:00:00:00:07:07\nip addr add 10.0.2.1/24 dev br0.7\n")
    a, b, c = (lab.namespaces[role] for role in "abc")
    b.reaches("10.0.2.1")
    check("lladdr 02:00:00:00:07:07" in b.ip("neigh", "show", "10.0.2.1"), b.ip("neigh"))
    for host, device, number, gateway in ((a, "br0", 7, "10.0.1.254"), (b, "br0.7", 8, "10.0.2.254")):
        virtual(lab, device, f"vrrp{number}", VIRTUAL[gateway], gateway)
        host.ip("route", "add", "default", "via", gateway)
        # What the device below asks for the hosts would teach them its own address for the gateway's.
        host.ip("neigh", "replace", gateway, "lladdr", VIRTUAL[gateway], "dev", "eth0", "nud", "permanent")
        host.reaches(gateway)
    before = forwarded(lab)
    equal(a.ping("10.0.2.2", 5, 0.02), 5, "answers through both virtual routers")
    check(forwarded(lab) - before >= 10, "the workers did not forward them")
    wire = lab.wire("c")
    wire.send(frames.frame(frames.BROADCAST, frames.mac(VIRTUAL["10.0.1.254"]), payload=b"a former master"))
    wait_for(lambda: lab.learned().get(VIRTUAL["10.0.1.254"]) == "c", "the virtual MAC is learned behind c")
    wire.drain()
    equal(a.ping("10.0.2.2", 5, 0.02), 5, "answers where the former master was heard elsewhere")
    equal(sum(data[:6] == frames.mac(VIRTUAL["10.0.1.254"]) for data in wire.drain()), 5, "requests that the bridge forwards to it as well")
    lab.switch.ip("link", "set", "vrrp7", "down")
    equal(a.ping("10.0.2.2", 2, 0.1), 0, "answers when the macvlan is down")
