"""`weft ip route|rule|neigh|nexthop`: what they write, print, refuse, save and take back. The oracle is iproute2 in
the TAP namespace, and in a namespace of its own with devices of the same names."""

import json
import re
import subprocess

from lab import COMPAT, WEFTD, check, equal, port_line, stateful, wait_for
from test_route import A4, B4, B6, router

ADD = """
    route add default via 10.0.1.2 metric 5 mtu lock 1400 advmss 1300 hoplimit 9 initcwnd 20
    route add 10.9.0.0/16 nexthop via 10.0.1.2 dev a weight 3 nexthop via 10.0.2.2 dev b onlink nexthop dev b
    route add 10.8.0.0/16 via inet6 2001:db8:1::2 dev a src 10.0.1.1
    route add blackhole 10.7.0.0/16
    route add unreachable 10.6.0.0/16 table 100
    route add throw 10.5.0.0/16 table 1000
    route add prohibit 10.5.1.0/24 metric 7
    route add 10.4.0.0/16 via 10.77.0.1 dev a onlink
    route add 10.3.3.3 dev a scope link
    route add 10.3.3.4 dev b table 253
    nexthop add id 7 via 10.0.1.7 dev a
    nexthop add id 8 via 10.0.2.8 dev b onlink
    nexthop add id 9 group 7,3/8
    nexthop add id 10 blackhole
    nexthop add id 11 dev a
    -6 nexthop add id 12 via fe80::5 dev a
    route add 10.2.0.0/16 nhid 9
    route add 10.2.1.0/24 nhid 7
    route append 10.2.1.0/24 via 10.0.2.2
    -6 route add default via fe80::1 dev a metric 50 pref high mtu 1400
    -6 route add 2001:db8:9::/48 nexthop via 2001:db8:1::2 weight 2 nexthop via 2001:db8:2::2
    -6 route append 2001:db8:9::/48 via 2001:db8:1::9
    -6 route add blackhole 2001:db8:7::/48
    -6 route add 2001:db8:77::/48 nhid 12
    route add 2001:db8:78::/48 via 2001:db8:1::2 src 2001:db8:1::1
    neigh add 10.0.1.2 lladdr 02:00:00:00:00:01 dev a
    neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:03 dev a router
    neigh add 10.0.1.4 lladdr 02:00:00:00:00:04 dev a nud noarp
    neigh add 10.0.1.5 dev a managed
    neigh add 10.0.1.6 lladdr 02:00:00:00:00:06 dev a extern_learn router
    route add 10.9.0.0/16 tos 0x10 via 10.0.1.2
    route add 10.9.0.0/16 tos c via 10.0.1.2
    route add 10.9.0.0/16 tos AF11 via 10.0.1.2
    route add default dsfield 0x08 via 10.0.2.2 metric 3
    -6 route add default from 2001:db8:a::/48 via fe80::7 dev b
    -6 route add 2001:db8:9::/48 from 2001:db8:b::/47 via 2001:db8:2::2
    -6 route append 2001:db8:9::/48 from 2001:db8:b::/47 via 2001:db8:2::3
    rule add from 10.0.0.0/8 to 10.9.9.9 iif a fwmark 0x10/0xff tos 0x10 lookup 100
    rule add not from 0.0.0.0/1 prohibit pref 50
    rule add pref 60 iif lo to 10.66.0.0/16 prohibit
    rule add fwmark 7 table local
    -6 rule add from 2001:db8::/32 table 1000
"""
SHOW = """
    route
    route show table all
    route show table 100
    -6 route
    -o route show 10.9.0.0/16
    -d route
    -d -6 route
    route show root 10.0.0.0/8
    route show match 10.2.1.1
    route show exact 10.2.0.0/16
    route show default
    route show all
    route show match any
    route show dev a
    route show via 10.0.1.2
    route show type blackhole
    route show src 10.0.1.1
    route show scope link
    route show proto kernel
    route show 10.2.1.1
    nexthop
    -d nexthop
    nexthop show dev a
    nexthop show id 9
    nexthop get id 9
    nexthop show group
    neigh
    neigh show dev a
    neigh show nud all to 10.0.1.0/24
    neigh show 10.0.1.2
    rule
    -d rule
    -6 rule
    rule show pref 50
    rule show from 10.0.0.0/8
    rule show table 100
"""
REFUSED = """
    route add 10.7.0.0/16 dev a
    route del 10.99.0.0/16
    route add 10.1.0.1/16 dev a
    route change 10.99.0.0/16 dev a
    route add 10.1.0.0/16
    route add 10.1.0.0/16 via 10.88.0.1 dev a
    route add 10.1.0.0/16 nhid 99
    route add 10.1.0.0/16 via foo
    route add 10.1.0.0/16 via 2001:db8::1
    route add 10.1.0.0/16 table foo dev a
    route add 10.1.0.0/16 metric x dev a
    route add 10.1.0.0/16 dev nope
    route add blackhole 10.1.0.0/16 dev a
    route add default via 10.0.1.3 metric 5
    route del 10.2.0.0/16 via 10.9.9.9
    -6 route add 2001:db8:9::/48 via 2001:db8:1::99
    -6 route add 2001:db8:55::/48 via 2001:db8:88::1
    route add 10.1.0.0/16 tos 0x11 via 10.0.1.2
    route del 10.9.0.0/16 tos 0x08
    -6 route add 2001:db8:55::/48 tos 0x10 via 2001:db8:1::2
    -6 route add 2001:db8:55::/48 from 10.0.0.0/8 via 2001:db8:1::2
    -6 route del default from 2001:db8:b::/48
    neigh add 10.0.1.8 dev a managed nud permanent
    neigh add 10.0.1.5 dev a managed
    rule add tos 0xb8 table 100
    addr add 10.0.1.1/24 dev a
    addr add 2001:db8:1::1/64 dev a
    addr del 10.0.77.1/24 dev a
    addr del 2001:db8:77::1/64 dev a
    addr add
    addr del
    addr flush
    addr show scope foo
    addr flush scope foo dev a
    link set
    link del
    link del type veth
    route get
    route get 10.7.1.1
    route get 10.5.1.1
    route get 10.1.1.1 oif nope
    neigh add 10.0.1.2 lladdr 02:00:00:00:00:01 dev a
    neigh add 10.0.1.9 lladdr zz dev a
    neigh add 10.0.1.9 dev a
    neigh add 10.0.1.9 lladdr 02:00:00:00:00:09
    neigh add 10.0.1.9 lladdr 02:00:00:00:00:09 dev nope
    neigh add 10.0.1.9 lladdr 02:00:00:00:00:09 dev a nud foo
    neigh change 10.0.1.222 lladdr 02:00:00:00:00:02 dev a
    neigh del 10.0.1.99 dev a
    neigh del 10.0.1.9
    neigh flush
    neigh show dev nope
    nexthop add id 7 via 10.0.1.9 dev a
    nexthop add id 70 group 7,3/88
    nexthop add id 70 group 7,300/8
    nexthop add id 70 group 9
    nexthop add id 70 group 7/7
    nexthop del id 99
    nexthop add id 71
    nexthop add id 71 via 10.0.1.9
    nexthop add id 71 dev nope
    nexthop replace id 9 via 10.0.1.9 dev a
    nexthop show id 99
    rule add from 10.1.1.1 table foo
    rule del pref 999
    rule add not from 0.0.0.0/1 prohibit pref 50
    rule del
    route flush
    -4 route get 2001:db8::1
    route add 300.0.0.0/8 via 10.0.1.2
    route add foo via 10.0.1.2
    route add any via 10.0.1.2
    route add to any via 10.0.1.2
    -6 route add any dev a
    route del foo
    route show foo
    route show to 300.0.0.0/8
    route flush foo
    route show dev nope
    -j route show dev nope
    route flush dev nope
    -4 route show 2001:db8::/32
    -6 route show 10.0.0.0/8
    -4 route flush 2001:db8::/32
    -4 addr add 2001:db8::1/64 dev a
    -4 addr show to 2001:db8::/32
    -4 addr flush dev a to 2001:db8::/32
    -4 neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev a
"""


def lines(text):
    return [line.split() for line in text.strip().splitlines()]


def twin(lab):
    """A namespace with devices a and b like the TAPs', where iproute2 itself does what weft is asked."""
    made = lab.namespace("twin")
    for number, name in enumerate("ab", 1):
        made.ip("link", "add", "name", name, "type", "veth", "peer", "name", f"{name}2")
        for device in (name, f"{name}2"):
            made.sysctl(f"net.ipv6.conf.{device}.accept_dad", 0)
            made.ip("link", "set", "dev", device, "up")
        made.ip("addr", "add", f"10.0.{number}.1/24", "dev", name)
        made.ip("addr", "add", f"2001:db8:{number}::1/64", "dev", name, "nodad")
    return made


def iproute(namespace, words):
    return subprocess.run(["ip", "netns", "exec", namespace.name, "ip", *words], text=True, capture_output=True)


def weft_ip(lab, words):
    """`ip` by its own name in front of the real one."""
    return subprocess.run([f"{COMPAT}/ip", *words], text=True, capture_output=True, env={"WEFT_SOCKET": lab.socket})


def as_weft_writes(text):
    """iproute2's own objects carry its own protocol where weft's carry 119."""
    return re.sub(r" proto (119|boot|static)\b|, ?\"protocol\": ?\"(119|boot|static)\"", "", text)


def test_route_words(lab):
    """Each word writes what iproute2's writes, prints what it prints, and refuses in its words."""
    router(lab)
    other = twin(lab)
    for words in lines(ADD):
        for done in (weft_ip(lab, words), iproute(other, words)):
            equal((done.returncode, done.stderr), (0, ""), f"ip {' '.join(words)}")
    for words in lines(SHOW):
        for form, shown in ((words, as_lines), (["-j", *words], as_json)):
            if "-o" in words and form is not words:
                continue
            if words[0] == "neigh":  # they come and age between two looks
                wait_for(lambda: shown(weft_ip(lab, form)) == shown(iproute(lab.switch, form)), f"ip {' '.join(form)}", 3)
            else:
                equal(shown(weft_ip(lab, form)), shown(iproute(lab.switch, form)), f"ip {' '.join(form)}")
    for words in (["route"], ["-6", "route", "show", "root", "2001:db8::/32"], ["nexthop"], ["rule"]):
        equal(sorted(as_weft_writes(weft_ip(lab, words).stdout).splitlines()),
              sorted(as_weft_writes(iproute(other, words).stdout).splitlines()), f"ip {' '.join(words)}, and the twin's")
    different = []
    for words in lines(REFUSED):
        ours, theirs = weft_ip(lab, words), iproute(other, words)
        check(theirs.returncode, f"iproute2 takes ip {' '.join(words)}")
        if (ours.returncode, first_line(ours)) != (theirs.returncode, first_line(theirs)):
            different.append(f"ip {' '.join(words)}: {ours.returncode} {first_line(ours)!r} instead of "
                             f"{theirs.returncode} {first_line(theirs)!r}")
    check(not different, "\n".join(different))


def test_address_flags(lab):
    """`ip addr` shows an address with the kernel's flags and the time that is left, as iproute2 does beside it."""
    router(lab)
    for words in ("2001:db8:5::1/64 nodad valid_lft 3000 preferred_lft 0", "2001:db8:6::1/64 noprefixroute mngtmpaddr",
                  "10.0.5.1/24 noprefixroute valid_lft 3000 preferred_lft 200"):
        lab.switch.ip("addr", "add", *words.split(), "dev", "a")

    def shown(made, words):
        return [made(["-o", *words]).stdout, [row["addr_info"] for row in json.loads(made(["-j", *words]).stdout)]]

    for words in (["addr", "show", "dev", "a"], ["-6", "addr", "show", "dev", "b"]):
        wait_for(lambda: shown(lambda all: weft_ip(lab, all), words) == shown(lambda all: iproute(lab.switch, all), words),
                 f"ip {' '.join(words)} is as iproute2's", 3)
    check("2001:db8:5::1/64 scope global nodad deprecated dynamic" in weft_ip(lab, ["-o", "addr", "show", "dev", "a"]).stdout, "the flags")


GET = """
    route get 10.0.1.7
    route get 10.20.1.1
    route get 10.20.1.1 mark 0x20
    -o route get 10.20.1.1
    -d route get 10.20.1.1
    -d -o route get 10.0.1.1
    route get 10.30.1.1
    route get 10.0.1.1
    route get 10.0.1.255
    route get 255.255.255.255
    route get 255.255.255.255 oif b
    route get 255.255.255.255 from 10.0.1.9 iif a
    route get 224.0.0.5
    route get 224.0.0.1
    -d route get 224.0.0.5 oif b
    route get 224.0.0.5 from 10.0.1.9 iif a
    route get 10.0.2.9 oif a
    route get 10.99.1.1 oif b
    route get 10.0.1.1 oif b
    route get 10.20.1.1 from 10.0.2.9 iif b
    -o route get 10.20.1.1 from 10.0.2.9 iif b
    route get 10.30.1.1 from 10.0.1.9 iif a
    route get 10.0.2.1 from 10.0.1.9 iif a
    route get 10.0.2.255 from 10.0.1.9 iif a
    route get 10.20.1.1 from 127.0.0.1 iif b
    route get 10.20.1.1 from 224.0.0.1 iif b
    route get 10.20.1.1 from 10.0.1.1 iif b
    route get 10.20.1.1 from 255.255.255.255 iif b
    route get 10.20.1.1 from 0.0.0.0 iif b
    route get 10.20.1.1 from 240.0.0.1 iif b
    route get 0.0.0.0
    route get 0.0.0.0 from 10.0.1.9 iif a
    route get 10.40.0.7
    route get 127.0.0.1 from 10.0.2.9 iif b
    route get 0.0.0.0 from 10.0.2.9 iif b
    route get 10.6.0.1 from 10.0.1.9 iif a
    route get 10.20.1.1 from 10.0.1.1
    route get 10.20.1.1 from 10.0.1.9
    -6 route get 2001:db8:1::7
    -d -6 route get 2001:db8:1::7
    -6 route get 2001:db8:1::1
    -6 route get 2001:db8:9::9
    -o -d -6 route get 2001:db8:9::9 mark 7
    -6 route get 2001:db8:8::9
    -6 route get 2001:db8:9::9 oif a
    -6 route get 2001:db8:9::9 oif b
    -6 route get 2001:db8:9::9 from 2001:db8:2::77 iif b
    -6 route get 2001:db8:1::1 from 2001:db8:2::77 iif b
    -6 route get ff02::1 oif b
    -d -6 route get ff02::1 oif b
    -6 route get ff05::5 oif b
    -6 route get fe80::1 oif b
    -4 route get 2001:db8::1
    -6 route get 10.0.0.1
    route get 300.0.0.0/8
    route get foo
"""


def test_route_get_words(lab):
    """What the workers' tables answer, and of groups, broadcasts and given interfaces the kernel, is what iproute2 prints."""
    router(lab)
    other = twin(lab)
    for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        other.sysctl(name, 1)
    for words in lines("""route add default via 10.0.1.2
                          -6 route add default via 2001:db8:1::2
                          -6 route add 2001:db8:8::/48 via 2001:db8:2::2 pref high mtu 1400
                          route add 10.30.0.0/16 via 10.0.2.2 mtu 1300
                          route add 10.40.0.0/24 via 10.40.0.7 dev b onlink
                          route add unreachable 10.6.0.0/16"""):
        for done in (weft_ip(lab, words), iproute(other, words)):
            equal((done.returncode, done.stderr), (0, ""), f"ip {' '.join(words)}")

    def said(done):
        text = re.sub(r"fe80::[0-9a-f:]+", "fe80::X", as_weft_writes(done.stdout))
        for bit in ("rt_offload_failed ", '"rt_offload_failed"'):  # that of multicast, by another name
            text = text.replace(bit, "")
        return done.returncode, json.loads(text) if text.startswith("[") else text, first_line(done)

    for where in (lab.switch, other):
        wait_for(lambda: "tentative" not in where.ip("-6", "addr", "show"), "DAD ends")
    different = []
    for words in lines(GET):
        for form in (words, ["-j", *words]):
            if "-o" in words and form is not words:
                continue
            ours, theirs = said(weft_ip(lab, form)), said(iproute(other, form))
            if ours != theirs:
                different.append(f"ip {' '.join(form)}: {ours} instead of {theirs}")
    check(not different, "\n".join(different))


def as_lines(done):
    """Of the devices that the ports are not made of, and without what weft does not say of next-hop objects."""
    return [line for line in done.stdout.splitlines()
            if " dev va" not in line and " dev vb" not in line and not line.startswith("\tnh_info")]


def as_json(done):
    return [{name: value for name, value in one.items() if name != "nh_info"}
            for one in json.loads(done.stdout or "[]") if one.get("dev") not in ("va", "vb")]


def first_line(done):
    return next((line.strip() for line in done.stderr.splitlines() if line.strip()), "")


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
