"""`weft ip route|rule|neigh|nexthop`: what they write, save and take back."""

import re

from lab import WEFTD, check, equal, port_line, stateful, wait_for
from test_route import A4, B4, B6, router
from test_route_words import ADD, lines


def test_route_saved_and_taken_back(lab):
    """What was written is saved; save applies to nothing; diff, rollback and the end leave the kernel as they should."""
    router(lab)
    before = kernel_routing(lab)
    empty = lab.file("empty.conf", lab.weft("save"))
    for words in lines(ADD):
        lab.weft("ip", *words)
    saved = lab.weft("save")
    full = lab.file("full.conf", saved)
    equal(lab.weft("diff", full), "", "difference of what was saved")
    lab.weft("check", full)
    written = kernel_routing(lab)
    lab.weft("apply", full)
    equal((lab.weft("save"), kernel_routing(lab)), (saved, written), "after applying what was saved")
    lab.weft("apply", empty)
    equal((lab.weft("save"), kernel_routing(lab)), (open(empty).read(), before), "without them")
    lab.weft("apply", full)
    equal((lab.weft("save"), kernel_routing(lab)), (saved, written), "with them again")
    lab.weft("rollback")
    equal(kernel_routing(lab), before, "after the rollback")
    lab.switch.ip("route", "add", "blackhole", "10.7.0.0/16", "metric", "3", "proto", "static")
    foreign = kernel_routing(lab)
    bad = lab.file("bad.conf", saved + "ip route add 10.66.0.0/16 via 10.88.0.1 dev a\n")
    check("Nexthop has invalid gateway" in lab.refused("apply", bad), "the kernel's words")
    equal(kernel_routing(lab), foreign, "after a refused file")
    lab.weft("apply", full)
    lab.daemons[0].terminate()
    left = [line for line in lab.switch.ip("route", "show", "table", "all").splitlines() if "119" in line or "blackhole" in line]
    equal(left, ["blackhole 10.7.0.0/16 proto static metric 3 "], "what is left at the end")
    equal(lab.switch.ip("rule").count("119") + lab.switch.ip("nexthop").count("id"), 0, "rules and next hops left")


def kernel_routing(lab):
    """Everything but what the kernel makes of itself."""
    shown = [line for words in (["route", "show", "table", "all"], ["nexthop"], ["rule"], ["-6", "rule"], ["neigh", "show", "nud", "permanent"])
             for line in lab.switch.ip(*words).splitlines()]
    return [line for line in shown if "proto kernel" not in line]


def test_route_adopted(lab):
    """After kill -9 the next weftd keeps what the file names and removes what it does not; others' stay."""
    hosts = "".join(port_line(role) for role in "ab") + "ip addr add 10.0.1.1/24 dev a\nip addr add 10.0.2.1/24 dev b\n"
    lab.host("a"), lab.host("b")
    kept = "ip route add 10.9.0.0/16 via 10.0.1.2\nip route add blackhole 10.7.0.0/16\nip rule add pref 70 from 10.1.1.1 table 9\n"
    lab.weftd(hosts + kept + "ip route add 10.8.0.0/16 via 10.0.1.2\nip route add blackhole 10.6.0.0/16\nip rule add pref 71 from 10.2.2.2 blackhole\n")
    lab.switch.ip("route", "add", "10.5.0.0/16", "via", "10.0.1.2", "proto", "static")
    watch = lab.start(lab.switch, "ip", "monitor", "route")
    lab.daemons[0].kill()
    lab.weftd(hosts + kept)
    equal([line.split()[0:2] for line in lab.switch.ip("route").splitlines() if "kernel" not in line],
          [["10.5.0.0/16", "via"], ["blackhole", "10.7.0.0/16"], ["10.9.0.0/16", "via"]], "routes")
    equal(re.findall(r"^\d+", lab.switch.ip("rule"), re.M), ["0", "70", "32766", "32767"], "rules")
    watch.terminate()
    changes = watch.communicate(timeout=5)[0].splitlines()
    check(not any("10.9.0.0" in line or "10.7.0.0" in line for line in changes), f"kept routes were touched: {changes}")


def test_rules_as_the_kernel_keeps_them(lab):
    """Words that the kernel keeps otherwise than they were said: what is there is known again, nothing is done twice."""
    router(lab)
    for words in ("fwmark 0 pref 10 table 9", "fwmark 0/0xff pref 11 table 9", "from 10.0.0.0/0 pref 12 table 9",
                  "pref 0 from 10.9.9.9 table 9", "from 10.1.2.3/8 pref 13 table 9", "fwmark 0x10/0xff pref 14 table 9",
                  "fwmark 0/0xffffffff pref 15 table 9"):
        lab.weft("ip", "rule", "add", *words.split())
    rules = lab.switch.ip("rule")
    equal(rules.count("119"), 7, rules)
    lab.weft("ip", "route", "add", "10.70.0.0/16", "via", "10.0.1.2", "mtu", "70000", "hoplimit", "999", "advmss", "0")
    routes = lab.switch.ip("route", "show", "10.70.0.0/16")
    check("mtu 65520 hoplimit 255" in routes, routes)
    for state in ("off", "on"):
        lab.weft("ip", "link", "set", "dev", "a", "mtu", "1400" if state == "off" else "1500")
        equal((lab.switch.ip("rule"), lab.switch.ip("route", "show", "10.70.0.0/16")), (rules, routes), "after another command")
    lab.weft("apply", lab.file("saved.conf", lab.weft("save")))
    equal(lab.switch.ip("rule"), rules, "after applying what was saved")
    lab.weft("ip", "-6", "route", "add", "2001:db8:70::/48", "via", "2001:db8:1::2")
    lab.weft("ip", "route", "flush", "dev", "a")
    check("2001:db8:70::/48" in lab.switch.ip("-6", "route"), "flush of IPv4 took IPv6 along")
    lab.weft("ip", "rule", "flush")
    check("119" not in lab.switch.ip("rule"), lab.switch.ip("rule"))


def test_two_daemons_in_one_namespace(lab):
    """Each keeps to what it wrote, also where no interface says whose it is; --clean takes what is left of both."""
    for role in "ab":
        lab.host(role)
    mine = "ip route add blackhole 10.7.0.0/16\nip rule add pref 70 from 10.1.1.1 table 9\nip nexthop add id 7 blackhole\n"
    theirs = mine.replace("10.7.", "10.8.").replace("70", "80").replace("id 7", "id 8")
    lab.weftd(port_line("a") + mine)
    other = lab.socket + "2"
    lab.weftd(port_line("b") + theirs, socket=other)
    both = kernel_routing(lab)
    lab.weft("ip", "rule", "add", "pref", "71", "from", "10.1.1.2", "table", "9")
    lab.weft("ip", "rule", "del", "pref", "71")
    lab.weft("ip", "route", "add", "blackhole", "10.9.0.0/16")
    lab.weft("ip", "route", "del", "blackhole", "10.9.0.0/16")
    equal(kernel_routing(lab), both, "after the first one's commands")
    lab.daemons[0].terminate()
    left = kernel_routing(lab)
    check(not any("10.7." in line or "10.1.1.1" in line and "70:" in line or "id 7" in line for line in left)
          and any("10.8." in line for line in left), left)
    lab.daemons[1].kill()
    lab.switch.run(WEFTD, "--clean", "--socket", other)
    check(not any("119" in line for line in kernel_routing(lab)), kernel_routing(lab))


def test_refused_after_routes_were_written(lab):
    """What a later line is refused for takes the routes back, too, and forgets no neighbour."""
    a, _ = router(lab)
    a.reaches("10.0.1.1")
    learned = lab.switch.ip("neigh", "show", "10.0.1.2", "dev", "a")
    check("lladdr" in learned, learned)
    before, saved = kernel_routing(lab), lab.weft("save")
    lab.refused("-f", lab.file("bad.conf", "ip neigh del 10.0.1.2 dev a\nip route add blackhole 10.7.0.0/16\nip rule add pref 70 table 9\n"
                               "ip nexthop add id 3 blackhole\nsysctl net.ipv4.neigh.a.gc_stale_time=99999999999999\n"))
    equal((kernel_routing(lab), lab.weft("save")), (before, saved), "after a refused transaction")
    check("lladdr" in lab.switch.ip("neigh", "show", "10.0.1.2", "dev", "a"), "the neighbour was forgotten")
    lab.weft("ip", "neigh", "del", "10.0.1.2", "dev", "a")
    check("lladdr" not in lab.switch.ip("neigh", "show", "10.0.1.2", "dev", "a"), "the neighbour was not forgotten")


def test_next_hops_wait_for_a_carrier(lab):
    """An object on a port without carrier waits, at the start and after a cable was out; so does a source under DAD."""
    a = lab.host("a", "10.0.1.2/24")
    lab.host("b")
    a.ip("link", "set", "eth0", "down")
    lab.weftd("".join(port_line(role) for role in "ab") + "ip addr add 10.0.1.1/24 dev a\nip addr add 2001:db8:1::1/64 dev b\n"
              "ip nexthop add id 7 via 10.0.1.2 dev a\nip nexthop add id 8 group 7\nip route add 10.9.0.0/16 nhid 8\n"
              "ip -6 route add 2001:db8:9::/48 via 2001:db8:1::2 src 2001:db8:1::1\n")
    wait_for(lambda: "src 2001:db8:1::1" in lab.switch.ip("-6", "route", "show", "2001:db8:9::/48"), "the route with a source", 10)
    for _ in range(2):
        equal(lab.switch.ip("route", "show", "10.9.0.0/16"), "", "without a carrier")
        a.ip("link", "set", "eth0", "up")
        wait_for(lambda: "nhid 8" in lab.switch.ip("route", "show", "10.9.0.0/16"), "the route comes with the carrier")
        a.ip("link", "set", "eth0", "down")
        wait_for(lambda: not lab.switch.ip("route", "show", "10.9.0.0/16"), "it goes with it")


@stateful
def test_route_words_forward(lab):
    """Routes, neighbours, next hops and rules of weft's own words are what workers forward by."""
    a, b, c = router(lab, hosts="abc")
    for host in (b, c):
        host.ip("addr", "add", "198.51.100.1/32", "dev", "lo")
        host.ip("addr", "add", "2001:db8:99::1/128", "dev", "lo")
    a.reaches("10.0.1.1")
    for address, via, words in (("198.51.100.1", B4, []), ("2001:db8:99::1", B6, ["-6"])):
        equal(a.ping(address, 1), 0, f"answers of {address} without a route")
        lab.weft("ip", *words, "route", "add", address, "via", via)
        a.reaches(address)
        check(f"via {via} dev b" in lab.weft("ip", "route", "get", address), lab.weft("ip", "route", "get", address))
        lab.weft("ip", *words, "route", "replace", "blackhole", address)
        wait_for(lambda: a.ping(address, 1) == 0, "the blackhole takes them")
        lab.weft("ip", *words, "route", "del", address)
    lab.weft("ip", "nexthop", "add", "id", "1", "via", B4, "dev", "b")
    lab.weft("ip", "nexthop", "add", "id", "2", "via", "10.0.3.2", "dev", "c")
    lab.weft("ip", "nexthop", "add", "id", "3", "group", "1/2")
    lab.weft("ip", "route", "add", "198.51.100.1", "nhid", "3")
    a.reaches("198.51.100.1")
    kinds = {row["kind"] for row in lab.json("show", "adjacency")}
    check({"group", "neighbour", "local"} <= kinds, kinds)
    lab.weft("ip", "rule", "add", "from", A4, "prohibit", "pref", "400")
    wait_for(lambda: a.ping("198.51.100.1", 1) == 0, "the prohibiting rule")
    equal(lab.refused("ip", "route", "get", "198.51.100.1", "from", A4, "iif", "a"), "RTNETLINK answers: Permission denied\n", "route get")
    lab.weft("ip", "rule", "del", "pref", "400")
    a.reaches("198.51.100.1")
    lab.weft("ip", "neigh", "add", "10.0.2.77", "lladdr", "02:00:00:00:00:77", "dev", "b")
    wire = lab.wire("b")
    a.ping("10.0.2.77", 1)
    check(wire.collect(1, lambda data: data[:6] == bytes.fromhex("020000000077")), "nothing went to the neighbour entered")
    lab.weft("ip", "neigh", "del", "10.0.2.77", "dev", "b")


def test_route_explained(lab):
    """`explain` names the rule, the prefix, the table and the metric that decide, and of IPv6 a preference."""
    router(lab, "ip route add 198.51.100.0/24 via 10.0.2.2\nip route add default via 10.0.2.2 table 77\n"
           "ip route add 203.0.113.0/25 via 10.0.2.3 metric 30\nip route add 203.0.113.0/25 via 10.0.2.2 metric 20\n"
           "ip -6 route add 2001:db8:99::/48 via 2001:db8:2::2\nip -6 route add 2001:db8:98::/48 via 2001:db8:2::2 metric 20 pref high\n")

    def explain(*words):
        (packet,) = lab.json("explain", "a", *words, "udp", "1", "2")
        return next(step["text"] for step in packet["steps"] if step["stage"] == "ip_input")

    check(explain("ip", A4, "198.51.100.7").startswith("198.51.100.0/24 in table main: via 10.0.2.2 dev b"),
          explain("ip", A4, "198.51.100.7"))
    check(explain("ip6", "2001:db8:1::2", "2001:db8:99::7").startswith("2001:db8:99::/48 metric 1024 in table main: via 2001:db8:2::2"),
          explain("ip6", "2001:db8:1::2", "2001:db8:99::7"))
    check(explain("ip", A4, "203.0.113.7").startswith("203.0.113.0/25 metric 20 in table main: via 10.0.2.2 dev b"),
          explain("ip", A4, "203.0.113.7"))
    check(explain("ip6", "2001:db8:1::2", "2001:db8:98::7").startswith("2001:db8:98::/48 metric 20 pref high in table main: via 2001:db8:2::2"),
          explain("ip6", "2001:db8:1::2", "2001:db8:98::7"))
    check(explain("ip", A4, "10.0.2.1").startswith("10.0.2.1 in table local: a local address"), explain("ip", A4, "10.0.2.1"))
    lab.weft("ip", "route", "add", "198.51.100.0/24", "tos", "0x10", "via", "10.0.2.77")
    lab.switch.ip("-6", "route", "add", "2001:db8:99::/48", "from", "2001:db8:1::/64", "via", "2001:db8:2::77", "dev", "b")
    plain = ("ip", "route", "get", "198.51.100.7")
    wait_for(lambda: lab.weft(*plain, "tos", "0x12").startswith("198.51.100.7 tos 0x10 via 10.0.2.77 dev b "), "the route of a TOS")
    check(" tos " not in lab.weft(*plain, "tos", "0x08"), lab.weft(*plain, "tos", "0x08"))
    check(explain("ip", A4, "198.51.100.7").startswith("198.51.100.0/24 in table main: via 10.0.2.2 dev b"),
          explain("ip", A4, "198.51.100.7"))
    wait_for(lambda: explain("ip6", "2001:db8:1::2", "2001:db8:99::7").startswith(
        "2001:db8:99::/48 from 2001:db8:1::/64 metric 1024 in table main: via 2001:db8:2::77"), "the route of a source")
    lab.weft("ip", "rule", "add", "from", A4, "table", "77", "pref", "500")
    lab.weft("ip", "rule", "add", "to", "203.0.113.0/24", "prohibit", "pref", "400")
    check(explain("ip", A4, "192.0.2.9").startswith("rule 500, default in table 77: via 10.0.2.2 dev b"), explain("ip", A4, "192.0.2.9"))
    check(explain("ip", A4, "203.0.113.9").startswith("rule 400: a prohibit route"), explain("ip", A4, "203.0.113.9"))


@stateful
def test_route_waits_for_its_link(lab):
    """A route whose interface goes down is forgotten by the kernel, kept by weft, and written when it is up again."""
    a, b = router(lab)
    b.ip("addr", "add", "198.51.100.1/32", "dev", "lo")
    lab.weft("ip", "route", "add", "198.51.100.1", "via", B4)
    a.reaches("198.51.100.1")
    for set_link in (lambda state: lab.weft("ip", "link", "set", "dev", "b", state),
                     lambda state: lab.switch.ip("link", "set", "dev", "b", state)):
        set_link("down")
        wait_for(lambda: not lab.switch.ip("route", "show", "198.51.100.1"), "the kernel forgets it")
        check("ip route add 198.51.100.1 via" in lab.weft("save"), lab.weft("save"))
        equal(lab.refused("ip", "route", "add", "198.51.100.2", "dev", "b"), "Error: Device for nexthop is not up.\n", "a new one")
        set_link("up")
        a.reaches("198.51.100.1")
    text = lab.weft("save").replace("port add b up ", "port add b ")
    lab.weft("apply", lab.file("down.conf", text))
    equal(lab.switch.ip("route", "show", "198.51.100.1"), "", "a route of a file whose link is down")
    lab.weft("ip", "link", "set", "dev", "b", "up")
    a.reaches("198.51.100.1")


@stateful
def test_route_without_a_kernel(lab):
    """--no-kernel: addresses, routes, neighbours and rules live in the model and are what workers forward by."""
    hosts = [lab.host(role, f"10.0.{number}.2/24") for number, role in enumerate("ab", 1)]
    lab.weftd("".join(port_line(role, f"mac 02:00:00:00:0{n}:01") for n, role in enumerate("ab", 1))
              + "ip addr add 10.0.1.1/24 dev a\nip addr add 10.0.2.1/24 dev b\n", "--no-kernel")
    for number, host in enumerate(hosts, 1):
        host.ip("neigh", "add", f"10.0.{number}.1", "lladdr", f"02:00:00:00:0{number}:01", "dev", "eth0")
        host.ip("route", "add", "default", "via", f"10.0.{number}.1")
        mac = host.link("eth0")["address"]
        lab.weft("ip", "neigh", "add", f"10.0.{number}.2", "lladdr", mac, "dev", "ab"[number - 1])
    a, b = hosts
    a.reaches("10.0.2.2")
    equal(a.ping("10.0.1.1", 1), 0, "answers of weft itself")
    check(lab.drops("punt/no_kernel") >= 1, "no packet was dropped as punt/no_kernel")
    shown = a.run("ping", "-n", "-c", "1", "-t", "1", "-W", "2", "10.0.2.2", status=None)
    check("From 10.0.1.1" in shown and "Time to live exceeded" in shown, shown)
    b.ip("addr", "add", "198.51.100.1/32", "dev", "lo")
    lab.weft("ip", "route", "add", "198.51.100.0/24", "via", "10.0.2.2")
    a.reaches("198.51.100.1")
    equal(lab.weft("ip", "route").splitlines(),
          ["10.0.1.0/24 dev a proto kernel scope link src 10.0.1.1 ", "10.0.2.0/24 dev b proto kernel scope link src 10.0.2.1 ",
           "198.51.100.0/24 via 10.0.2.2 dev b proto 119 "], "routes")
    for words in (["via", "10.55.0.1"], ["via", "10.0.2.2", "dev", "a"]):
        equal(lab.refused("ip", "route", "add", "10.7.0.0/16", *words), "Error: Nexthop has invalid gateway.\n", "a gateway on no link")
    equal(lab.refused("ip", "route", "add", "2001:db8::/32", "via", "2001:db8::1"), "RTNETLINK answers: No route to host\n", "one of IPv6")
    lab.weft("ip", "route", "add", "10.55.0.1", "dev", "b")
    lab.weft("ip", "route", "add", "10.7.0.0/16", "via", "10.55.0.1")
    check("via 10.55.0.1 dev b" in lab.weft("ip", "route", "get", "10.7.0.1"), lab.weft("ip", "route", "get", "10.7.0.1"))
    equal(len(lab.weft("ip", "rule").splitlines()), 3, "rules of IPv4")
    equal(len(lab.weft("ip", "-6", "rule").splitlines()), 2, "rules of IPv6")
    lab.weft("ip", "rule", "add", "from", A4, "blackhole", "pref", "9")
    equal(a.ping("198.51.100.1", 1), 0, "answers against the rule")
    lab.weft("ip", "rule", "del", "pref", "9")
    a.reaches("198.51.100.1")
    lab.weft("ip", "link", "set", "dev", "b", "down")
    equal(a.ping("198.51.100.1", 1), 0, "answers by an interface that is down")
    lab.weft("ip", "link", "set", "dev", "b", "up")
    a.reaches("198.51.100.1")
