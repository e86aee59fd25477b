"""Tools of every day between hosts in two VLANs of a bridge, routed by weft: traceroute, tracepath, ping -s, iperf3."""

import json
import re

from lab import check, equal, port_line, stateful, wait_for
from test_route import B4, B6, answer_every_error, forwarded

GATEWAYS = {B4: "10.0.1.1", B6: "2001:db8:1::1"}


def between_vlans(lab):
    """Host a in VLAN 10, b in VLAN 20 of br0, whose sub-interfaces are their gateways."""
    config = ("".join(port_line(role) for role in "ab") + "ip link add br0 up type bridge vlan_filtering 1 vlan_default_pvid 0\n"
              "ip link set a master br0\nip link set b master br0\n")
    for number, role in enumerate("ab", 1):
        host = lab.host(role, f"10.0.{number}.2/24")
        host.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
        host.ip("addr", "add", f"2001:db8:{number}::2/64", "dev", "eth0", "nodad")
        host.ip("route", "add", "default", "via", f"10.0.{number}.1")
        host.ip("-6", "route", "add", "default", "via", f"2001:db8:{number}::1")
        vid = 10 * number
        config += (f"bridge vlan add dev {role} vid {vid} pvid untagged\nbridge vlan add dev br0 vid {vid} self\n"
                   f"ip link add link br0 name br0.{vid} up type vlan id {vid}\n"
                   f"ip addr add 10.0.{number}.1/24 dev br0.{vid}\nip addr add 2001:db8:{number}::1/64 dev br0.{vid} nodad\n")
    lab.weftd(config)
    a, b = lab.namespaces["a"], lab.namespaces["b"]
    for address in (B4, B6):
        a.reaches(address)
    return a, b


@stateful
def test_traceroute_and_tracepath(lab):
    """F02, F07, V02, V05: the gateway and the host are the two hops, by UDP and ICMP; tracepath finds the MTU of the second VLAN."""
    a, b = between_vlans(lab)
    answer_every_error(lab)
    for address, gateway in GATEWAYS.items():
        for options in ([], ["-I"]):
            shown = a.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "4", *options, address)
            hops = re.findall(r"^ *(\d+) +(\S+) ", shown, re.M)
            equal([hop for _, hop in hops], [gateway, address], f"hops of traceroute {options}")
    lab.weft("ip", "link", "set", "br0.20", "mtu", "1400")
    b.ip("link", "set", "eth0", "mtu", "1400")
    for address in GATEWAYS:
        shown = a.run("tracepath", "-n", "-m", "4", address)
        check(re.search(r"pmtu 1400\n.*reached", shown, re.S) and "Resume: pmtu 1400 hops 2 back 2" in shown, shown)
        equal(a.ping(address, 3, 0.1, 4000), 3, f"answers of {address} to 4000 bytes")


@stateful
def test_iperf3_between_vlans(lab):
    """TCP with the hosts' offloads on and UDP without loss at a modest rate, both families, by weft's workers."""
    a, b = between_vlans(lab)
    server = lab.start(b, "iperf3", "-s")
    wait_for(lambda: ":5201" in b.run("ss", "-Hltn"), "iperf3 listens")
    for address in (B4, B6):
        before = forwarded(lab)
        done = json.loads(a.run("iperf3", "-c", address, "-t", "1", "-J", timeout=30))["end"]
        check(done["sum_received"]["bits_per_second"] > 1e7, f"TCP to {address}: {done['sum_received']}")
        done = json.loads(a.run("iperf3", "-c", address, "-u", "-b", "5M", "-l", "1200", "-t", "1", "-J", timeout=30))["end"]["sum"]
        check(done["packets"] > 400 and done["lost_packets"] <= done["packets"] // 50, f"UDP to {address}: {done}")
        check(forwarded(lab) - before > 400, "the workers did not forward it")
    server.kill()
