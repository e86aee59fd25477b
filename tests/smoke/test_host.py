"""The kernel behind the switch: addresses on TAPs, ping, TCP and ssh from bridged hosts, broadcasts, link-local."""

import os

import frames
from lab import bridge_config, check, equal, port_line, run, stateful, wait_for
from test_ports import Pings, transfer

ADDRESS = "10.0.0.254"


@stateful
def test_management_address_by_kernel(lab):
    """`ip addr add` on the bridge's TAP: pings both ways, and TCP."""
    a, _ = lab.bridge("a", "b")
    lab.switch.ip("addr", "add", f"{ADDRESS}/24", "dev", "br0")
    a.reaches(ADDRESS)
    equal(a.ping(ADDRESS, 20, 0.01), 20, "answers of the kernel")
    equal(lab.switch.ping("10.0.0.2", 20, 0.01), 20, "answers of a host")
    transfer(a, lab.switch, ADDRESS, 4 << 20)


@stateful
def test_management_address_by_weft(lab):
    """`weft ip addr add` writes to the kernel, as protocol 119, and removes again."""
    a, _ = lab.bridge("a", "b")
    lab.weft("ip", "addr", "add", f"{ADDRESS}/24", "dev", "br0")
    check(ADDRESS in lab.switch.ip("addr", "show", "dev", "br0"), "the kernel has no such address")
    a.reaches(ADDRESS)
    check(ADDRESS in lab.weft("ip", "addr", "show", "dev", "br0"), "`weft ip addr` does not show it")
    lab.weft("ip", "addr", "del", f"{ADDRESS}/24", "dev", "br0")
    check(ADDRESS not in lab.switch.ip("addr"), "the kernel kept the address")


def test_addresses_of_one_network(lab):
    """The kernel drops the others of a network with its primary: flush, apply and del follow it."""
    lab.bridge("a")
    add = [f"ip addr add 192.0.2.{n}/24 dev br0\n" for n in (1, 9)]
    saved = lambda: "".join(f"{line}\n" for line in lab.weft("save").splitlines() if "ip addr" in line)
    kernel = lambda: [f"192.0.2.{n}" for n in (1, 9) if f"192.0.2.{n}/" in lab.switch.ip("addr", "show", "dev", "br0")]
    base = lab.weft("save")
    lab.switch.sysctl("net.ipv4.conf.all.promote_secondaries", 0)
    lab.switch.sysctl("net.ipv4.conf.br0.promote_secondaries", 0)
    both = lab.file("both.conf", base + "".join(add))
    for words in (["ip", "addr", "flush", "dev", "br0"], ["apply", lab.file("none.conf", base)],
                  ["ip", "addr", "del", "192.0.2.1/24", "dev", "br0"]):
        lab.weft("apply", both)
        equal(kernel(), ["192.0.2.1", "192.0.2.9"], "addresses applied")
        lab.weft(*words)
        equal((kernel(), saved()), ([], ""), f"left after {' '.join(words)}")
    lab.weft("apply", both)
    lab.weft("apply", lab.file("second.conf", base + add[1]))
    equal((kernel(), saved()), (["192.0.2.9"], add[1]), "left of two of which the second is wanted")
    lab.weft("apply", both)
    lab.weft("ip", "addr", "flush", "dev", "br0")
    lab.weft("apply", both)
    lab.switch.sysctl("net.ipv4.conf.br0.promote_secondaries", 1)
    lab.weft("ip", "addr", "del", "192.0.2.1/24", "dev", "br0")
    equal((kernel(), saved()), (["192.0.2.9"], add[1]), "left where the kernel promotes")


def ssh(lab, address):
    """An sshd at the switch's address, and what says a command to it from a namespace."""
    key, host_key = f"{lab.folder}/key", f"{lab.folder}/host"
    for path in (key, host_key):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
    config = lab.file("sshd_config", f"HostKey {host_key}\nAuthorizedKeysFile {key}.pub\nStrictModes no\nUsePAM no\n"
                      f"PidFile none\nListenAddress {address}\nPermitRootLogin yes\n")
    os.makedirs("/run/sshd", exist_ok=True)
    lab.start(lab.switch, "/usr/sbin/sshd", "-D", "-e", "-f", config)
    wait_for(lambda: f"{address}:22" in lab.switch.run("ss", "-ltn"), "sshd listens")
    return lambda host, command, **how: host.run(
        "ssh", "-i", key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
        "-o", "ConnectTimeout=3", f"root@{address}", command, **how)


@stateful
def test_ssh(lab):
    """ssh from a bridged host into the namespace of the TAPs."""
    a, _ = lab.bridge("a", "b", options="vlan_filtering 1")
    lab.weft("ip", "addr", "add", f"{ADDRESS}/24", "dev", "br0")
    a.reaches(ADDRESS)
    said = ssh(lab, ADDRESS)(a, "cat /proc/sys/kernel/hostname; head -c 300000 /dev/zero | wc -c")
    equal(said.split()[-1], "300000", "what the remote command printed")


@stateful
def test_broadcast_reaches_the_tap_once(lab):
    """A broadcast arrives at the bridge's TAP exactly once, and not at its members' TAPs."""
    lab.bridge("a", "b", "c")
    wire = lab.wire("a")
    taps = {name: lab.switch.wire(name) for name in ("br0", "a", "b", "c")}
    lab.wires += taps.values()
    source = frames.mac("02:aa:00:00:00:01")
    wire.send(*(frames.frame(frames.BROADCAST, source, payload=bytes([n])) for n in range(20)))
    got = {name: len(tap.collect(0.3, lambda data: data[6:12] == source)) for name, tap in taps.items()}
    equal(got, {"br0": 20, "a": 0, "b": 0, "c": 0}, "broadcasts at the TAPs")


def test_unicast_stays_off_the_tap(lab):
    """Unicast to a known host, and to the port's neighbours, does not reach the kernel."""
    a, b = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    tap = lab.switch.wire("br0")
    lab.wires.append(tap)
    a.ping("10.0.0.2", 20, 0.01)
    mine = frames.mac(b.link("eth0")["address"])
    equal(tap.collect(0.2, lambda data: data[:6] == mine and data[12:14] == b"\x08\x00"), [], "unicasts at the TAP")


def test_flood_to_the_tap_costs_forwarding_nothing(lab):
    """While one port floods broadcasts that overrun the TAP's queue, other traffic loses nothing."""
    a, _ = lab.bridge("a", "b")
    lab.host("c")
    lab.weft("port", "add", "c", "up", "type", "af_packet", "dev", "vc")
    lab.weft("ip", "link", "add", "br1", "up", "type", "bridge")
    lab.weft("ip", "link", "set", "c", "master", "br1")
    a.reaches("10.0.0.2")
    wire = lab.wire("c")
    data = frames.frame(frames.BROADCAST, frames.mac("02:aa:00:00:00:01"))
    pings = Pings(lab, a, "10.0.0.2")
    for _ in range(60000):
        try:
            wire.send(data)
        except OSError:
            pass
    equal(pings.lost(), 0, "lost pings")


def test_member_tap_speaks_link_local(lab):
    """What a daemon sends on a bridge member's TAP leaves by that port only."""
    lab.bridge("a", "b")
    tap, near, far = lab.switch.wire("a"), lab.wire("a"), lab.wire("b")
    lab.wires.append(tap)
    own = frames.mac(lab.switch.link("a")["address"])
    lldp = frames.frame(frames.mac("01:80:c2:00:00:0e"), own, 0x88CC)
    tap.send(lldp)
    check(near.wait(lambda data: data == lldp), "LLDP did not leave by the port")
    equal(far.collect(0.2, lambda data: data == lldp), [], "LLDP by another port")


def test_own_frame_does_not_return(lab):
    """A TAP never gets its own broadcast back (duplicate address detection would fail)."""
    lab.bridge("a", "b")
    tap, near = lab.switch.wire("br0"), lab.wire("a")
    lab.wires.append(tap)
    data = frames.frame(frames.BROADCAST, frames.mac(lab.switch.link("br0")["address"]))
    tap.send(data)
    check(near.wait(lambda got: got == data), "the broadcast did not leave")
    equal(tap.collect(0.3, lambda got: got == data), [], "own frames")


def test_ipv6(lab):
    """An IPv6 address on the TAP passes DAD and answers a bridged host."""
    a = lab.host("a")
    a.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
    a.ip("-6", "addr", "add", "fd00::1/64", "dev", "eth0", "nodad")
    lab.weftd(bridge_config("a") + "ip addr add fd00::ff/64 dev br0\n")
    wait_for(lambda: "tentative" not in lab.switch.ip("-6", "addr", "show", "dev", "br0"), "DAD ends")
    check("dadfailed" not in lab.switch.ip("-6", "addr", "show", "dev", "br0"), "DAD failed")
    a.reaches("fd00::ff")


@stateful
def test_routed_port(lab):
    """A port outside any bridge: its TAP has the address; the kernel speaks through it."""
    a = lab.host("a", "10.1.0.2/24")
    lab.weftd(port_line("a") + "ip addr add 10.1.0.1/24 dev a\n")
    a.reaches("10.1.0.1")
    equal(lab.switch.ping("10.1.0.2", 20, 0.01), 20, "answers")
    wire = lab.wire("a")
    wire.send(frames.frame(frames.mac("02:99:00:00:00:01"), frames.mac("02:aa:00:00:00:01")))
    wait_for(lambda: lab.drops("host/not_for_us", "a") == 1, "a frame for another MAC is a named drop")


def test_taps_in_another_namespace(lab):
    """--netns: devices stay in weftd's namespace, TAPs and addresses are in the named one."""
    inside = lab.namespace("inside")
    a = lab.host("a", "10.0.0.1/24")
    lab.weftd(bridge_config("a") + f"ip addr add {ADDRESS}/24 dev br0\n", "--netns", inside.name)
    equal(sorted(inside.links()), ["a", "br0"], "TAPs in the named namespace")
    equal(lab.switch.links(), ["va"], "devices in weftd's own namespace")
    a.reaches(ADDRESS)
    lab.daemons[0].terminate()
    equal(inside.links(), [], "TAPs after the end")
