"""The real firewalld with its backend iptables, run twice under a bus of its own: on the kernel, and on weft called by the names of
the programs it calls. Rules, answers and what becomes of packets are the same."""

import os
import signal

from firewall import both, need, pair, questions, reload, same_rules
from lab import check, equal, wait_for

# Zones, a policy, a set of addresses and rules of its own, each in the form of its file.
FILES = {
    "zones/internal.xml": """<zone>
  <interface name="home"/> <service name="ssh"/> <service name="http"/> <service name="dns"/> <service name="ftp"/>
  <source-port port="5000-5010" protocol="udp"/> <protocol value="igmp"/> <icmp-block name="timestamp-request"/> <forward/>
  <rule family="ipv4"> <source address="10.0.1.0/24"/> <port port="25" protocol="tcp"/>
    <log prefix="mail: " level="info"> <limit value="5/m"/> </log> <reject type="tcp-reset"/> </rule>
  <rule priority="-10"> <port port="8082" protocol="tcp"/> <drop/> </rule>
  <rule family="ipv4"> <source mac="02:00:00:00:00:09"/> <accept> <limit value="2/s"/> </accept> </rule>
</zone>""",
    "zones/external.xml": """<zone target="DROP">
  <interface name="world"/> <masquerade/> <service name="ssh"/> <port port="8081" protocol="tcp"/> <icmp-block-inversion/>
  <icmp-block name="echo-request"/> <icmp-block name="neighbour-solicitation"/> <icmp-block name="neighbour-advertisement"/>
  <forward-port port="8082" protocol="tcp" to-port="8080" to-addr="10.0.1.2"/> <forward-port port="80" protocol="tcp" to-port="22"/>
  <rule family="ipv6"> <source address="2001:db8:2::/64" invert="True"/> <reject/> </rule>
  <rule> <tcp-mss-clamp value="pmtu"/> </rule>
  <rule family="ipv4"> <destination address="10.0.2.1"/> <port port="25" protocol="tcp"/> <mark set="0x10/0xf0"/> </rule>
</zone>""",
    "zones/refused.xml": """<zone target="%%REJECT%%"> <source ipset="guests"/> <source address="192.0.2.0/24"/> </zone>""",
    "ipsets/guests.xml": """<ipset type="hash:net"> <entry>198.51.100.0/24</entry> <entry>203.0.113.9</entry> </ipset>""",
    "policies/outward.xml": """<policy target="CONTINUE"> <ingress-zone name="internal"/> <egress-zone name="external"/>
  <service name="http"/> <port port="8080" protocol="tcp"/> <rule family="ipv4"> <port port="22" protocol="tcp"/> <reject/> </rule>
</policy>""",
    "direct.xml": """<direct>
  <chain ipv="ipv4" table="filter" chain="own"/>
  <rule ipv="ipv4" table="filter" chain="INPUT" priority="1">-p tcp --dport 9 -m comment --comment "a rule of &quot;mine&quot;" -j own</rule>
  <rule ipv="ipv4" table="filter" chain="own" priority="0">-m statistic --mode random --probability 0.5 -j REJECT</rule>
  <passthrough ipv="ipv6">-t mangle -A POSTROUTING -o world -j MARK --set-mark 9</passthrough>
</direct>""",
}
OPTIONS = {"FirewallBackend=nftables": "FirewallBackend=iptables", "LogDenied=off": "LogDenied=all"}
CHANGES = """
--zone=internal --add-port=8081-8082/tcp
--zone=internal --remove-service=http
--direct --add-rule ipv6 filter FORWARD 0 -i home -p tcp --dport 8080 -j REJECT --reject-with tcp-reset
--ipset=guests --add-entry=10.0.2.2
"""

# What weft has not, and how firewalld hears of it: iptables names no rule that the kernel refuses.
REFUSED = {
    "--add-rich-rule=rule service name=ntp nflog group=1 accept": "Couldn't load target `NFLOG':No such file or directory\n\n"
                                                                  "Error occurred at line: 2\n",
    "--add-service=samba-client": "iptables-restore: line 3 failed\n",
}


def start(side):
    """Starts firewalld with a bus; returns its process."""
    place = side.place
    for old, new in OPTIONS.items():
        place.edit("/etc/firewalld/firewalld.conf", old, new)
    for name, text in FILES.items():
        with open(place.own("/etc/firewalld/" + name), "w") as file:
            file.write('<?xml version="1.0" encoding="utf-8"?>\n' + text)
    os.mkdir(place.own("/run/dbus"))
    place.start("dbus-daemon", "--system", "--nofork", "--nopidfile")
    wait_for(lambda: os.path.exists(place.own("/run/dbus/system_bus_socket")), "the bus")
    return place.start("firewalld", "--nofork", "--nopid")


def errors(side):
    """What firewalld has logged as a warning or worse."""
    with open(side.place.own("/var/log/firewalld")) as file:
        return [line for line in file if " WARNING: " in line or " ERROR: " in line]


def is_running(side):
    wait_for(lambda: os.path.exists(side.place.own("/var/log/firewalld")), "firewalld's log")
    wait_for(lambda: side.place.run("firewall-cmd", "--state", status=None) == "running\n" or errors(side), "firewalld runs", 20)
    equal(errors(side), [], "what firewalld complains of")


def test_firewalld(lab):
    """Zones, policies, rich and direct rules, a set; changes, panic, what weft has not, reload, panic and the end."""
    need("/usr/sbin/firewalld")
    sides = real, mine = pair(lab)
    programs = [start(side) for side in sides]
    for side in sides:
        is_running(side)
    same_rules(*sides)
    said = questions(*sides, "22", "25", "80", "8080", "8081", "8082")
    equal([said["home", "10.0.1.1", port] for port in ("22", "25", "80", "8080", "8082", "ping")],
          ["open", "ECONNREFUSED", "open", "ECONNREFUSED", "silent", "open"], "what home gets from the gateway")
    equal([said["home", "10.0.2.2", port] for port in ("22", "80", "8080", "8081")],
          ["ECONNREFUSED", "open", "open", "ECONNREFUSED"], "what home gets from world")
    equal([said["world", "10.0.2.1", port] for port in ("22", "80", "8080", "8081", "8082", "ping")],
          ["open", "open", "silent", "open", "open", "open"], "what world gets from the gateway")
    for line in CHANGES.strip().splitlines():
        both(*sides, "firewall-cmd", *line.split())
    same_rules(*sides)
    said = questions(*sides, "22", "80", "8080", "8082")
    equal([said["home", "10.0.1.1", "80"], said["home", "2001:db8:2::2", "8080"], said["world", "10.0.2.1", "8082"]],
          ["ECONNREFUSED", "ECONNREFUSED", "EHOSTUNREACH"], "after the changes")
    before = mine.place.saved("iptables")
    for words, wanted in REFUSED.items():
        refused = mine.place.run("firewall-cmd", "--zone=internal", words, status=13)
        check(wanted in refused, refused)
        equal(mine.place.saved("iptables"), before, f"the rules after {words} was refused")
    for word in ("--reload", "--panic-on"):
        both(*sides, "firewall-cmd", word)
        same_rules(*sides)
    reload(lab, real)
    for program in programs:
        program.send_signal(signal.SIGTERM)
    for program in programs:
        equal(program.wait(20), 0, "firewalld's end")
    same_rules(*sides)
    check(not any(line.startswith("-A") for rules in mine.place.saved("iptables").values() for line in rules), "rules are left")
