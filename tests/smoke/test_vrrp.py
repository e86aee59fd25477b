"""keepalived on weft's TAPs: VRRP with virtual MACs (RFC 5798), which are macvlans on the TAP."""

import os

from lab import check, port_line, stateful, wait_for
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
