"""FRR beside the kernel <-> weft with FRR on its TAPs <-> BIRD: what they agree on is what weft's workers do."""

import time

import frames
from lab import check, equal, port_line, stateful, wait_for
from routing import Bird, Frr
from test_ports import Pings
from test_route import forwarded

LEFT, FAR4, FAR6 = "192.0.2.1", "198.51.100.1", "2001:db8:ffff::1"
LEFT6 = "2001:db8:aaaa::1"


def network(lab, right="b"):
    """Host a and the hosts `right` on ports of their names, no routes; a and they have addresses of no link."""
    for number, role in enumerate("a" + right, 1):
        host = lab.host(role, f"10.0.{number}.2/24")
        host.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
        host.ip("addr", "add", f"2001:db8:{number}::2/64", "dev", "eth0", "nodad")
        for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            host.sysctl(name, 1)
        for address in (LEFT, LEFT6) if role == "a" else (FAR4, FAR6):
            host.ip("addr", "add", address, "dev", "lo")
    lab.weftd("".join(port_line(role) + f"ip addr add 10.0.{number}.1/24 dev {role}\n"
                      f"ip addr add 2001:db8:{number}::1/64 dev {role} nodad\n"
                      for number, role in enumerate("a" + right, 1)))
    return [lab.namespaces[role] for role in "a" + right]


def bgp(number, router, neighbours, networks=(), more=""):
    """bgpd's configuration: neighbours are (address, AS)."""
    text = f"router bgp {number}\n bgp router-id {router}\n no bgp ebgp-requires-policy\n no bgp network import-check\n" + more
    for address, remote in neighbours:
        text += (f" neighbor {address} remote-as {remote}\n neighbor {address} timers 1 3\n neighbor {address} timers connect 1\n"
                 f" neighbor {address} advertisement-interval 0\n")
    for family, colon in (("ipv4", False), ("ipv6", True)):
        text += f" address-family {family} unicast\n  maximum-paths 8\n"
        for address, _ in neighbours:
            text += f"  {'' if (':' in address) == colon else 'no '}neighbor {address} activate\n"
        text += "".join(f"  network {prefix}\n" for prefix in networks if (":" in prefix) == colon) + " exit-address-family\n"
    return text + "exit\n"


def bird_bgp(number, remote=65000, own=65002):
    """BIRD's side of both sessions of host number `number`, which announces the far addresses."""
    text = (f"protocol static far4 {{ ipv4; route {FAR4}/32 blackhole; }}\n"
            f"protocol static far6 {{ ipv6; route {FAR6}/128 blackhole; }}\n")
    for family, local, neighbour in (("4", f"10.0.{number}.2", f"10.0.{number}.1"),
                                     ("6", f"2001:db8:{number}::2", f"2001:db8:{number}::1")):
        text += (f"protocol bgp weft{family} {{ local {local} as {own}; neighbor {neighbour} as {remote}; hold time 3;\n"
                 "  connect delay time 1; connect retry time 1; error wait time 1, 2;\n"
                 f"  ipv{family} {{ import all; export where source = RTS_STATIC; }}; }}\n")
    return text


def with_bgp(lab, right="b", more=""):
    """The network with BGP of both families between all; returns its hosts and weft's FRR."""
    hosts = network(lab, right)
    Frr(lab, "a", zebra="", bgpd=bgp(65001, "10.0.1.2", [("10.0.1.1", 65000), ("2001:db8:1::1", 65000)],
                                     ["192.0.2.0/24", f"{LEFT6}/128"]))
    neighbours = [("10.0.1.2", 65001), ("2001:db8:1::2", 65001)]
    for number in range(2, 2 + len(right)):
        neighbours += [(f"10.0.{number}.2", 65002), (f"2001:db8:{number}::2", 65002)]
    frr = Frr(lab, "sw", zebra="", bgpd=bgp(65000, "10.0.1.1", neighbours, more=more), staticd="")
    birds = [Bird(lab, role, f"10.0.{number}.2", bird_bgp(number)) for number, role in enumerate(right, 2)]
    return hosts, frr, birds


def reaches(host, address, seconds=10):
    wait_for(lambda: host.ping(address, 1, options=("-I", LEFT6 if ":" in address else LEFT)) == 1,
             f"{host.name} reaches {address}", seconds)


def goes_by(lab, right="bc", sources=64):
    """To which of the hosts `right` weft sends UDP of many sources to the far address: how many to each."""
    sender, mac = lab.wire("a"), frames.mac(lab.json("ip", "link", "show", "a")[0]["address"])
    seen = {role: lab.wire(role) for role in right}
    body = b"\x10\0\x20\0\0\x0c\0\0weft"
    for number in range(1, sources + 1):
        sender.send(frames.frame(mac, b"\x02weft\0", frames.IPV4, frames.ipv4(f"192.0.2.{number}", FAR4, 17, body)))
    wanted = frames.ipv4("0.0.0.0", FAR4, 17, body)[16:20]
    found = {role: len(wire.collect(0.3, lambda data: data[30:34] == wanted and data[23] == 17)) for role, wire in seen.items()}
    for wire in (sender, *seen.values()):
        wire.close()
    return found


@stateful
def test_bgp(lab):
    """Both families over two paths, by zebra's next-hop objects; a withdrawn path and a dead peer are left within seconds."""
    (a, b, c), frr, (bird, other) = with_bgp(lab, "bc")
    for address in (FAR4, FAR6):
        reaches(a, address)
    wait_for(lambda: len(frr.json(f"show ip route {FAR4} json").get(f"{FAR4}/32", [{}])[0].get("nexthops", [])) >= 2,
             "both paths in zebra", 10)
    check("nhid" in lab.switch.ip("route", "show", FAR4), "zebra did not use a next-hop object")
    before = forwarded(lab)
    for address in (FAR4, FAR6):
        equal(a.ping(address, 20, 0.01, options=("-I", LEFT6 if ":" in address else LEFT)), 20, f"answers of {address}")
    check(forwarded(lab) - before >= 80, "the workers did not forward them")
    both = wait_for(lambda: min((found := goes_by(lab)).values()) and found, "both ways are used")
    equal(sum(both.values()), 64, f"packets of 64 flows ({both})")
    other.ask("disable", "far4")
    wait_for(lambda: goes_by(lab) == {"b": 64, "c": 0}, "the flows go by b when c withdrew", 5)
    other.ask("enable", "far4")
    wait_for(lambda: min(goes_by(lab).values()), "the flows are shared again", 5)
    bird.process.kill()  # its socket is closed, by which the peer knows
    wait_for(lambda: goes_by(lab) == {"b": 0, "c": 64}, "the flows go by c when b's BIRD died", 8)
    other.ask("disable", "far4")
    wait_for(lambda: goes_by(lab) == {"b": 0, "c": 0}, "nobody gets them when all withdrew", 5)
    check(lab.drops("route/no_route", "a") >= 64, "packets without a route are not counted as such")


@stateful
def test_static(lab):
    """staticd's routes of both families; where the way of one loses its carrier the next best takes its packets, and gives them back."""
    a, b, c = network(lab, "bc")
    a.ip("route", "add", "default", "via", "10.0.1.1", "src", LEFT)
    a.ip("-6", "route", "add", "default", "via", "2001:db8:1::1")
    for number, host in ((2, b), (3, c)):
        host.ip("route", "add", "192.0.2.0/24", "via", f"10.0.{number}.1")
        host.ip("-6", "route", "add", f"{LEFT6}/128", "via", f"2001:db8:{number}::1")
    frr = Frr(lab, "sw", zebra="", staticd="ip route 192.0.2.0/24 10.0.1.2\nip route 198.51.100.0/24 10.0.2.2\nip route 0.0.0.0/0 10.0.3.2\n"
              f"ipv6 route {LEFT6}/128 2001:db8:1::2\nipv6 route 2001:db8:ffff::/48 2001:db8:2::2\nipv6 route ::/0 2001:db8:3::2\n")
    for address in (FAR4, FAR6):
        reaches(a, address)
    equal(goes_by(lab), {"b": 64, "c": 0}, "packets of 64 flows")
    for state, device in (("down", "c"), ("up", "b")):
        b.ip("link", "set", "eth0", state)
        if state == "up":  # it lost them
            b.ip("route", "add", "192.0.2.0/24", "via", "10.0.2.1")
            b.ip("addr", "replace", "2001:db8:2::2/64", "dev", "eth0", "nodad")
            b.ip("-6", "route", "replace", f"{LEFT6}/128", "via", "2001:db8:2::1")
        for address in (FAR4, FAR6):
            wait_for(lambda: f" dev {device} " in lab.weft("ip", "route", "get", address), f"{address} by {device}", 8)
            reaches(a, address)
    frr.configure("staticd", "no ip route 198.51.100.0/24 10.0.2.2", "ip route 198.51.100.0/25 blackhole")
    wait_for(lambda: sum(goes_by(lab).values()) == 0, "the blackhole takes all", 5)
    frr.configure("staticd", "no ip route 198.51.100.0/25 blackhole")
    wait_for(lambda: goes_by(lab) == {"b": 0, "c": 64}, "the default route is left", 5)


@stateful
def test_frr_is_killed(lab):
    """kill -9 of zebra, then of bgpd (graceful restart, RFC 4724): traffic goes on; what changed meanwhile is mended."""
    (a, b), frr, (bird,) = with_bgp(lab, more=" bgp graceful-restart\n bgp graceful-restart preserve-fw-state\n")
    for address in (FAR4, FAR6):
        reaches(a, address)
    for host, prefixes, via in ((a, (FAR4, FAR6), "1"), (b, ("192.0.2.0/24", LEFT6), "2")):  # what the hosts do is not asked here
        for prefix in prefixes:
            gateway = f"2001:db8:{via}::1" if ":" in prefix else f"10.0.{via}.1"
            host.ip("route", "add", prefix, "via", gateway, "metric", "9000")
    pings = [Pings(lab, a, address, options=("-I", source)) for address, source in ((FAR4, LEFT), (FAR6, LEFT6))]
    frr.kill("zebra")
    time.sleep(0.5)
    frr.start("zebra", "-K", "3")  # keeps what its forerunner left for as many seconds
    wait_for(lambda: FAR4 in frr.vtysh("show ip route bgp") and FAR6 in frr.vtysh("show ipv6 route bgp"), "bgpd told zebra again", 10)
    frr.kill("bgpd")
    time.sleep(0.5)
    frr.start("bgpd")
    wait_for(lambda: all(f"{prefix}" in frr.vtysh(f"show bgp {family}", "bgpd") for family, prefix in
                         (("ipv4", FAR4), ("ipv6", FAR6), ("ipv4", "192.0.2.0/24"), ("ipv6", LEFT6))), "bgpd learned all again", 15)
    time.sleep(3)  # zebra has removed by now what was not told again
    equal([ping.lost() for ping in pings], [0, 0], "lost echoes")
    frr.kill("zebra")
    bird.ask("disable", "far4")
    time.sleep(1)
    equal(a.ping(FAR4, 2, options=("-I", LEFT)), 2, "answers by a route that a dead zebra cannot remove")
    frr.start("zebra", "-K", "1")
    wait_for(lambda: not lab.switch.ip("route", "show", FAR4), "zebra takes away what nobody told again")
    before = lab.drops("route/no_route", "a")
    wait_for(lambda: sum(goes_by(lab, "b").values()) == 0 and lab.drops("route/no_route", "a") >= before + 64, "so does weft")


def ospf(router, weft=False):
    """Configurations of FRR's ospfd and ospf6d: point-to-point links, hello 1 s, dead after 4 s."""
    links = "abc" if weft else ["eth0"]
    text = {"ospfd": "", "ospf6d": ""}
    for link in links:
        text["ospfd"] += (f"interface {link}\n ip ospf area 0\n ip ospf network point-to-point\n ip ospf hello-interval 1\n"
                          " ip ospf dead-interval 4\nexit\n")
        text["ospf6d"] += (f"interface {link}\n ipv6 ospf6 area 0\n ipv6 ospf6 network point-to-point\n"
                           " ipv6 ospf6 hello-interval 1\n ipv6 ospf6 dead-interval 4\nexit\n")
    timers = " timers throttle spf 10 100 500\n"
    text["ospfd"] += f"interface lo\n ip ospf area 0\nexit\nrouter ospf\n ospf router-id {router}\n{timers} maximum-paths 8\nexit\n"
    text["ospf6d"] += f"interface lo\n ipv6 ospf6 area 0\nexit\nrouter ospf6\n ospf6 router-id {router}\n{timers} maximum-paths 8\nexit\n"
    return text


BIRD_OSPF = """protocol ospf v2 far4 { ecmp yes; ipv4 { import all; };
  area 0 { interface "eth0" { type ptp; hello 1; dead 4; }; interface "lo" { stub; }; }; }
protocol ospf v3 far6 { ecmp yes; ipv6 { import all; };
  area 0 { interface "eth0" { type ptp; hello 1; dead 4; }; stubnet 2001:db8:ffff::1/128; }; }
"""


@stateful
def test_ospf(lab):
    """OSPFv2 and OSPFv3 by their multicast groups; equal ways are shared; a router that falls silent is left after its dead time."""
    a, b, c = network(lab, "bc")
    Frr(lab, "a", zebra="", **ospf("10.0.1.2"))
    frr = Frr(lab, "sw", zebra="", **ospf("10.0.1.1", weft=True))
    birds = [Bird(lab, role, f"10.0.{number}.2", BIRD_OSPF) for number, role in enumerate("bc", 2)]
    for address in (FAR4, FAR6):
        reaches(a, address, 15)
    for family, address in (("ip", FAR4), ("ipv6", FAR6)):
        wait_for(lambda: frr.vtysh(f"show {family} route {address}").count(", via") == 2, f"two ways to {address}", 8)
    before = forwarded(lab)
    for address in (FAR4, FAR6):
        equal(a.ping(address, 20, 0.01, options=("-I", LEFT6 if ":" in address else LEFT)), 20, f"answers of {address}")
    check(forwarded(lab) - before >= 80, "the workers did not forward them")
    wait_for(lambda: min(goes_by(lab).values()), "both ways are used")
    birds[0].process.kill()
    wait_for(lambda: goes_by(lab) == {"b": 0, "c": 64}, "all goes by c when b is dead", 10)
    reaches(a, FAR6)
