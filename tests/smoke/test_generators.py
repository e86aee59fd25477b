"""Rules as generators write them, through the compat links: taken, saved and counted as by the real iptables-legacy in a
namespace of its own. test_firewalls.py and test_firewalld.py run those that run here."""

import re

from lab import check, equal
from test_iptables_words import Compat, Real, normal

# ufw: files of both families, loaded by `iptables-restore -n` into chains that jumps reach later.
HOST_FIREWALL = """*filter
:ufw-before-input - [0:0]
:ufw-before-logging-input - [0:0]
:ufw-not-local - [0:0]
:ufw-user-input - [0:0]
:ufw-user-limit - [0:0]
:ufw-user-limit-accept - [0:0]
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
{family}
-A ufw-before-input -j ufw-not-local
-A ufw-before-logging-input -m conntrack --ctstate NEW -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW AUDIT] "
-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --set
-A ufw-user-input -p tcp --dport 22 -m conntrack --ctstate NEW -m recent --update --seconds 30 --hitcount 6 -j ufw-user-limit
-A ufw-user-input -p tcp --dport 22 -j ufw-user-limit-accept
-A ufw-user-input -p tcp -m multiport --dports 80,443 -j ACCEPT -m comment --comment 'dapp_Web%20Full'
-A ufw-user-limit -m limit --limit 3/minute -j LOG --log-prefix "[UFW LIMIT BLOCK] "
-A ufw-user-limit -j REJECT
-A ufw-user-limit-accept -j ACCEPT
COMMIT
"""
OF_FAMILY = {
    "iptables": """-A ufw-before-input -p icmp --icmp-type destination-unreachable -j ACCEPT
-A ufw-before-input -p icmp --icmp-type echo-request -j ACCEPT
-A ufw-before-input -p udp --sport 67 --dport 68 -j ACCEPT
-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
-A ufw-not-local -m addrtype --dst-type MULTICAST -j RETURN
-A ufw-before-input -p udp -d 224.0.0.251 --dport 5353 -j ACCEPT
-A ufw-before-input -p icmp -m ttl --ttl-lt 2 -j DROP""",
    "ip6tables": """-A ufw-before-input -m rt --rt-type 0 -j DROP
-A ufw-before-input -p icmpv6 --icmpv6-type packet-too-big -j ACCEPT
-A ufw-before-input -p icmpv6 --icmpv6-type neighbor-solicitation -m hl --hl-eq 255 -j ACCEPT
-A ufw-before-input -p icmpv6 --icmpv6-type router-advertisement -s fe80::/10 -m hl --hl-eq 255 -j ACCEPT
-A ufw-before-input -p icmpv6 --icmpv6-type 144 -j ACCEPT
-A ufw-before-input -p udp -s fe80::/10 --sport 547 -d fe80::/10 --dport 546 -j ACCEPT""",
}

# kube-proxy: a service with three endpoints, of which each new connection gets one by chance.
SERVICES = """*filter
:KUBE-FORWARD - [0:0]
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-SVC-WEB - [0:0]
:KUBE-SEP-ONE - [0:0]
:KUBE-SEP-TWO - [0:0]
:KUBE-SEP-THREE - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-SERVICES -m comment --comment "default/web:http cluster IP" -m tcp -p tcp -d {service} --dport 80 -j KUBE-SVC-WEB
-A KUBE-SVC-WEB -m comment --comment default/web:http -m statistic --mode random --probability 0.3333333333 -j KUBE-SEP-ONE
-A KUBE-SVC-WEB -m comment --comment default/web:http -m statistic --mode random --probability 0.5000000000 -j KUBE-SEP-TWO
-A KUBE-SVC-WEB -m comment --comment default/web:http -j KUBE-SEP-THREE
{endpoints}
COMMIT
"""
ADDRESSES = {"iptables": ("10.96.0.7", "10.244.0.{}", "{}:8080"), "ip6tables": ("fd96::7", "fd44::{}", "[{}]:8080")}

# firewalld: zones by interface; IPv6's reverse path is looked at before all else.
ZONES = """*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -m rpfilter --validmark --invert -j DROP
-I PREROUTING -p {icmp} -m {icmp} --{icmp}-type {type} -j ACCEPT
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:PRE_public - [0:0]
-A PREROUTING -i wan+ -g PRE_public
-A PRE_public -m rpfilter --loose -j RETURN
COMMIT
"""
ZONE_WORDS = {"iptables": ("icmp", "8"), "ip6tables": ("icmpv6", "135")}


def services(program):
    service, endpoint, target = ADDRESSES[program]
    lines = []
    for number, name in enumerate(("ONE", "TWO", "THREE"), 1):
        address = endpoint.format(number)
        lines += [f"-A KUBE-SEP-{name} -s {address} -j KUBE-MARK-MASQ",
                  f"-A KUBE-SEP-{name} -p tcp -m tcp -j DNAT --to-destination {target.format(address)}"]
    return SERVICES.format(service=service, endpoints="\n".join(lines))


def zones(program):
    icmp, number = ZONE_WORDS[program]
    return ZONES.format(icmp=icmp, type=number)


def alike(lab, text_of, *jumps):
    """Restored twice with --noflush and its jumps entered: status, messages and both saves."""
    weft, real = Compat(lab), Real(lab)
    for program in ("iptables", "ip6tables"):
        text = text_of(program)
        commands = [([program + "-restore", "-n"], text)] + [([program, "-w", *words.split()], "") for words in jumps]
        commands.append(([program + "-restore", "--noflush", "-w", "5"], text))
        # one by one: their order is that in which the kernel's modules came
        commands += [([program + "-save", "-t", table], "") for table in re.findall(r"(?m)^\*(\w+)", text)]
        for words, stdin in commands:
            mine, theirs = (normal(side.run(words, stdin)) for side in (weft, real))
            equal(mine, theirs, " ".join(words))
        check(mine[0] == 0 and "COMMIT" in mine[1], f"{program}: nothing was saved")


def test_host_firewall(lab):
    """Files as ufw's, with ttl, hl, rt, recent, limit and addrtype: the real program's save."""
    lab.weftd("")
    alike(lab, lambda program: HOST_FIREWALL.format(family=OF_FAMILY[program]), "-A INPUT -j ufw-before-logging-input",
          "-A INPUT -j ufw-before-input", "-A INPUT -j ufw-user-input")


def test_services(lab):
    """Files as kube-proxy's, with statistic, DNAT and MASQUERADE --random-fully: the real program's save."""
    lab.weftd("")
    alike(lab, services, "-t nat -A PREROUTING -j KUBE-SERVICES", "-t nat -A POSTROUTING -j KUBE-POSTROUTING",
          "-A FORWARD -j KUBE-FORWARD")


def test_zones(lab):
    """Files as firewalld's with rpfilter: the real program's save."""
    lab.weftd("")
    alike(lab, zones)


def test_icmp_types(lab):
    """The types that firewalld reads from --help are the real program's."""
    lab.weftd("")
    weft, real = Compat(lab), Real(lab)
    for program, protocol, begin in (("iptables", "icmp", "Valid ICMP Types:"),
                                     ("ip6tables", "ipv6-icmp", "Valid ICMPv6 Types:")):
        mine, theirs = (side.run([program, "-p", protocol, "--help"])[1].partition(begin)[2].split() for side in (weft, real))
        check(len(theirs) > 10, f"{program} lists no types")
        equal(mine, theirs, f"{program} -p {protocol} --help")
