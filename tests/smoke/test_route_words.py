"""What `weft ip route|rule|neigh|nexthop|addr` print and refuse, and `ip route get`. The oracle is iproute2 in the TAP
namespace, and in a namespace of its own with devices of the same names."""

import json
import re
import subprocess

from lab import COMPAT, check, equal, wait_for
from test_route import router

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
