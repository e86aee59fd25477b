"""The real ufw and ferm, each run twice: on the kernel, and on weft called by the names of the programs they call. Rules, answers and
what becomes of packets are the same."""

import os
import shlex

from firewall import Place, both, need, pair, questions, reload, same_rules
from lab import check, equal

UFW = """
ufw default reject routed
ufw allow 80/tcp
ufw limit ssh
ufw reject 8081/tcp
ufw allow in on world proto udp from 10.0.2.0/24 to any port 53 comment 'asks for "names"'
ufw allow proto tcp from 2001:db8:2::/64 to any port 8082,9000:9005
ufw route allow in on home out on world to any port 8080 proto tcp
ufw allow out on home to 10.0.1.2 port 25
ufw logging medium
ufw --force enable
"""
UFW_CHANGES = """
ufw delete allow 80/tcp
ufw insert 1 deny from 10.0.1.2 to any port 8081
ufw status verbose
"""


def ufw(sides, text):
    for line in text.strip().splitlines():
        both(*sides, *shlex.split(line))
    same_rules(*sides)


def test_ufw(lab):
    """ufw: rules of every kind, enable, logging, changes and disable."""
    need("/usr/sbin/ufw")
    sides = pair(lab)
    ufw(sides, UFW)
    said = questions(*sides, "22", "80", "8080", "8081", "8082")
    equal([said["home", "10.0.1.1", port] for port in ("22", "80", "8081", "8082", "ping")],
          ["open", "open", "ECONNREFUSED", "silent", "open"], "what home gets from the gateway")
    check(said["home", "10.0.2.2", "8080"] == "open" and said["world", "10.0.1.2", "8080"] == "ECONNREFUSED", said)
    ufw(sides, UFW_CHANGES)
    said = questions(*sides, "80", "8080", "8081", "8082")
    equal([said["home", "10.0.1.1", port] for port in ("80", "8081")], ["silent", "silent"], "what home gets then")
    check(said["home", "2001:db8:2::2", "8080"] == "open" and said["world", "2001:db8:2::1", "8082"] == "open", said)
    reload(lab, sides[0])
    ufw(sides, "ufw --force disable")
    equal(set(questions(*sides, "80").values()), {"open"}, "all is open after disable")


# ferm writes long options only, matches of a protocol without -m, and services by their names.
FERM = """
@def $INSIDE = home;
domain (ip ip6) {
    table filter {
        chain (INPUT FORWARD) {
            policy DROP;
            mod state state INVALID DROP;
            mod conntrack ctstate (ESTABLISHED RELATED) ACCEPT;
        }
        chain INPUT {
            interface lo ACCEPT;
            @if @eq($DOMAIN, ip) {
                proto icmp icmp-type (echo-request destination-unreachable) ACCEPT;
            } @else {
                proto icmpv6 ACCEPT;
            }
            interface $INSIDE proto tcp dport ssh mod comment comment 'from the inside: "ssh" it is' ACCEPT;
            interface ! $INSIDE proto tcp mod multiport destination-ports (http 8080:8081) jump refused;
            proto tcp syn mod limit limit 3/minute limit-burst 4 LOG log-prefix "ferm: " log-level warning log-tcp-options;
            proto tcp mod mark mark 0x10/0xf0 REJECT reject-with tcp-reset;
        }
        chain refused {
            proto tcp mod length length 40:100 REJECT reject-with tcp-reset;
            DROP;
        }
        chain FORWARD {
            interface $INSIDE outerface world @subchain "outward" {
                proto tcp dport (http http-alt) ACCEPT;
                proto udp sport 1024:65535 dport domain ACCEPT;
                proto (icmp icmpv6) ACCEPT;
                mod statistic mode nth every 1 packet 0 REJECT;
            }
            mod conntrack ctstate DNAT ACCEPT;
        }
    }
    table mangle chain PREROUTING {
        interface world proto tcp dport smtp MARK set-xmark 0x10/0xf0;
        interface world proto tcp dport 8082 CONNMARK set-mark 7;
        mod connmark mark 7 MARK set-mark 0x20;
    }
    table raw chain OUTPUT proto udp dport 9 NOTRACK;
}
domain ip table nat {
    chain POSTROUTING outerface world saddr 10.0.1.0/24 SNAT to 10.0.2.1;
    chain PREROUTING interface world daddr 10.0.2.1 proto tcp dport 8082 DNAT to 10.0.1.2:8080;
}
domain ip6 table nat {
    chain POSTROUTING outerface world MASQUERADE;
    chain PREROUTING interface world proto tcp dport 8082 DNAT to "[2001:db8:1::2]:8080";
}
"""
EXAMPLES = "/usr/share/doc/ferm/examples"
FERM_EXAMPLES = ("dmz_router.ferm", "dsl_router.ferm", "ipv6.ferm", "mailserver.ferm")


def test_ferm(lab):
    """ferm: by iptables-restore and rule by rule, Debian's own configuration and the examples that come with it."""
    need("/usr/sbin/ferm")
    sides = pair(lab)
    for side in sides:
        with open(side.place.own("/etc/ferm/firewall"), "w") as file:
            file.write(FERM)
    for options in ([], ["--flush"], ["--slow"]):
        both(*sides, "ferm", *options, "/etc/ferm/firewall")
        same_rules(*sides)
    said = questions(*sides, "22", "25", "80", "8080", "8082")
    for near, far, out in (("10.0.1.1", "10.0.2.2", "10.0.2.1"), ("2001:db8:1::1", "2001:db8:2::2", "2001:db8:2::1")):
        equal([said["home", near, "22"], said["home", near, "80"], said["home", far, "80"], said["home", far, "22"]],
              ["open", "silent", "open", "ECONNREFUSED"], f"what home gets from {near} and {far}")
        equal([said["world", out, port] for port in ("22", "25", "80", "8080", "8082")],
              ["silent", "ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED", "open"], f"what world gets from {out}")
    reload(lab, sides[0])
    examples = [os.path.join(EXAMPLES, name) for name in FERM_EXAMPLES]
    for path in ("/etc/ferm/ferm.conf", *examples):
        # one of them names a service that Debian does not know: that is refused, and what was before comes back
        said = both(*sides, "ferm", path, status=1 if path.endswith("mailserver.ferm") else 0)
        equal("invalid port/service `imap3' specified\nError occurred at line: 17\n" in said, path.endswith("mailserver.ferm"), said)
        same_rules(*sides)


def test_ferm_refused(lab):
    """A match that weft has not is refused at the line of ferm's file, by its name; the rules before come back."""
    need("/usr/sbin/ferm")
    lab.weftd("")
    place = Place(lab, "mine", weft=True)
    place.run("ferm", "/etc/ferm/ferm.conf")
    before = place.saved("iptables")
    rules = "table filter chain FORWARD { proto tcp dport ssh mod hashlimit hashlimit-above 9/min hashlimit-mode srcip hashlimit-name s DROP; }"
    said = place.run("ferm", "-", stdin=rules, status=1)
    check("Couldn't load match `hashlimit':No such file or directory\n\nError occurred at line: 6\n" in said
          and said.endswith("Firewall rules rolled back.\n"), said)
    equal(place.saved("iptables"), before, "the rules before")
