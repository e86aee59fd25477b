"""Translated connections when what they were made by goes: rules, blocks of ports, addresses."""

import re
import signal

from gateway import ECHO, FAMILIES, GATEWAY, OUTSIDE, Program, ask, weft_gateway
from lab import check, equal, port_line, stateful, wait_for
from test_nat import MASQUERADE, count, load


def echo(lab, host):
    server = Program(lab, host, ECHO.format(port=7000))
    wait_for(lambda: ":7000" in host.run("ss", "-Hlun"), "the server listens")
    return server


@stateful
def test_table_leaves_the_configuration(lab):
    """`apply` of a configuration without the table nat: known connections stay translated, as they do in Linux while they live."""
    a, _, o = weft_gateway(lab)
    without = lab.weft("save") + "".join(f"{family} -A FORWARD -m conntrack --ctstate ESTABLISHED\n" for family in FAMILIES)
    load(lab, MASQUERADE)
    server = echo(lab, o)
    for at, seen in enumerate(GATEWAY):
        equal(ask(a, OUTSIDE[at], 7000, 5000), (seen, 5000), "before")
    lab.weft("apply", lab.file("without.conf", without))
    check("-t nat" not in lab.weft("save"), "the table is still there")
    for at, seen in enumerate(GATEWAY):
        for _ in range(3):
            equal(ask(a, OUTSIDE[at], 7000, 5000), (seen, 5000), "afterwards")
    server.kill()


@stateful
def test_addresses_without_a_kernel(lab):
    """--no-kernel: MASQUERADE's connections end with their address, or with the interface that has it."""
    hosts = [lab.host(role, f"10.0.{number}.2/24") for number, role in enumerate("ao", 1)]
    lab.weftd("".join(port_line(role, f"mac 02:00:00:00:0{n}:01") + f"ip addr add 10.0.{n}.1/24 dev {role}\n"
                      for n, role in enumerate("ao", 1)), "--no-kernel")
    for number, host in enumerate(hosts, 1):
        for last in (1, 9):
            host.ip("neigh", "add", f"10.0.{number}.{last}", "lladdr", f"02:00:00:00:0{number}:01", "dev", "eth0")
        host.ip("route", "add", "default", "via", f"10.0.{number}.1")
        lab.weft("ip", "neigh", "add", f"10.0.{number}.2", "lladdr", host.link("eth0")["address"], "dev", "ao"[number - 1],
                 "nud", "permanent")
    a, o = hosts
    lab.weft("iptables-restore", input=MASQUERADE)
    server = echo(lab, o)
    for _ in range(3):
        equal(ask(a, "10.0.2.2", 7000, 5000), ("10.0.2.1", 5000), "what is seen")
    lab.weft("ip", "addr", "add", "10.0.9.1/24", "dev", "o")
    equal(count(lab, "-p", "udp"), 1, "connections while the address is there")
    lab.weft("ip", "addr", "del", "10.0.2.1/24", "dev", "o")
    wait_for(lambda: count(lab, "-p", "udp") == 0, "the old address's connection is gone")
    lab.weft("ip", "addr", "add", "10.0.2.9/24", "dev", "o")
    for _ in range(3):
        equal(ask(a, "10.0.2.2", 7000, 5000), ("10.0.2.9", 5000), "the new address is seen")
    lab.weft("ip", "link", "set", "dev", "o", "down")
    wait_for(lambda: count(lab, "-p", "udp") == 0, "the connection is gone with its interface")
    server.kill()


@stateful
def test_lost_notifications_of_addresses(lab):
    """What the kernel tells while nobody listens overflows the socket (ENOBUFS): an address that went meanwhile is found missing."""
    a, _, o = weft_gateway(lab)
    load(lab, MASQUERADE)
    server = echo(lab, o)
    for at, seen in enumerate(GATEWAY):
        equal(ask(a, OUTSIDE[at], 7000, 5000), (seen, 5000), "what is seen")
    lab.daemons[0].signal(signal.SIGSTOP)
    there = [f"addr {word} 172.16.{n // 250}.{n % 250 + 1}/32 dev lo\n" for n in range(2500) for word in ("add", "del")]
    lab.switch.run("ip", "-batch", "-", input="".join(there))
    lab.switch.ip("addr", "del", "10.0.3.1/24", "dev", "o")
    lab.switch.ip("addr", "add", "10.0.3.9/24", "dev", "o")
    lab.switch.ip("addr", "del", "2001:db8:3::1/64", "dev", "o")
    lab.switch.ip("addr", "add", "2001:db8:3::9/64", "dev", "o", "nodad")
    lab.daemons[0].signal(signal.SIGCONT)
    wait_for(lambda: count(lab, "-p", "udp") + count(lab, "-p", "udp", "-f", "ipv6") == 0, "the old addresses' connections are gone", 20)
    for at, new in enumerate(("10.0.3.9", "2001:db8:3::9")):  # weft's own it has entered again
        wait_for(lambda: ask(a, OUTSIDE[at], 7000, 5000) in ((new, 5000), (GATEWAY[at], 5000)), "an answer", 20)
    server.kill()


@stateful
def test_address_of_an_endpoint_independent_source_goes(lab):
    """What others began by a source's outside port ends with MASQUERADE's address, too, and none before."""
    a, _, o = weft_gateway(lab)
    load(lab, MASQUERADE.replace("MASQUERADE", "MASQUERADE --endpoint-independent"))
    server = echo(lab, o)
    for at, seen in enumerate(GATEWAY):
        equal(ask(a, OUTSIDE[at], 7000, 5000), (seen, 5000), "the outside port")
    inside = Program(lab, a, ECHO.format(port=5000))
    wait_for(lambda: ":5000" in a.run("ss", "-Hlun"), "the source listens")
    for at, (old, new, length) in enumerate((("10.0.3.1", "10.0.3.9", 24), ("2001:db8:3::1", "2001:db8:3::9", 64))):
        family = ("-f", "ipv6" if at else "ipv4")
        for _ in range(3):
            equal(ask(o, old, 5000, 6000), (OUTSIDE[at], 6000), "anybody reaches it")
        equal(count(lab, "-p", "udp", *family), 2, "connections")
        lab.switch.ip("addr", "add", f"{new}/{length}", "dev", "o", *(["nodad"] if at else []))
        lab.switch.ip("addr", "del", f"{old}/{length}", "dev", "o")
        wait_for(lambda: count(lab, "-p", "udp", *family) == 0, "both are gone")
    for program in (server, inside):
        program.kill()


@stateful
def test_changed_port_blocks(lab):
    """RFC 6888 REQ-14: connections outside of their host's block end with a change of the blocks, and a line says so."""
    a, b, o = weft_gateway(lab)
    server = echo(lab, o)

    def rule(size):
        return ("POSTROUTING", "-s", "10.0.0.0/22", "-o", "o", "-j", "SNAT", "--to-source", "203.0.113.6-203.0.113.21", "--port-block", size)

    def owner(address, port):
        return [row["inside"] for row in lab.json("show", "nat", "blocks", "outside", address, "port", str(port))]

    def lines(what):
        return [line for line in lab.daemons[0].log if what in line]

    lab.weft("iptables", "-t", "nat", "-A", *rule("900"))
    first = [ask(host, OUTSIDE[0], 7000, 60000) for host in (a, b)]
    for seen, inside in zip(first, ("10.0.1.2", "10.0.2.2")):
        equal(owner(*seen), [inside], "the port's owner")
    lab.weft("iptables", "-t", "nat", "-A", "POSTROUTING", "-p", "tcp", "-o", "o", "-j", "ACCEPT")
    equal(count(lab, "-p", "udp"), 2, "connections after another change")
    lab.weft("iptables", "-t", "nat", "-R", "POSTROUTING", "1", *rule("1000")[1:])
    equal(count(lab, "-p", "udp"), 0, "connections whose ports are not their hosts' any more")
    wait_for(lambda: lines("connections ended that had ports outside of their blocks: 2"), "the line that says so")
    second = [ask(host, OUTSIDE[0], 7000, 60000) for host in (a, b)]
    for seen, inside in zip(second, ("10.0.1.2", "10.0.2.2")):
        equal(owner(*seen), [inside], "the port's owner")
    # The same blocks by a longer pool are nobody else's.
    lab.weft("iptables-restore", "-n", input="*nat\n-F\n-A " + " ".join(rule("1000")).replace("113.21", "113.30") + "\nCOMMIT\n")
    equal(count(lab, "-p", "udp"), 2, "connections that stay")
    equal([ask(host, OUTSIDE[0], 7000, 60000) for host in (a, b)], second, "what is seen then")
    lab.weft("iptables", "-t", "nat", "-F")
    equal(count(lab, "-p", "udp"), 0, "connections without blocks")
    equal([bool(re.search(r"nat: \d+-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line)) for line in lines("connections ended")], [True, True], "lines")
    server.kill()
