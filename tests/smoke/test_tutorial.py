"""The lines of a Linux networking tutorial, as they are written there, each with its effect, on a port named eth0."""

import contextlib
import os
import subprocess

import frames
from lab import BUILD, COMPAT, WEFT, check, equal, run, wait_for

TAPDUMP = os.path.join(BUILD, "conf/examples/tapdump/tapdump")


class Typist:
    """Types a line as it stands: to `weft`, or to the Linux program's name with the compat links first in PATH."""

    def __init__(self, lab, compat):
        self.lab, self.compat = lab, compat

    def __call__(self, line):
        words = line.split()
        if not self.compat:
            return run(WEFT, "-s", self.lab.socket, *words)
        return run("sh", "-c", line, env={**os.environ, "PATH": f"{COMPAT}:{os.environ['PATH']}",
                                          "WEFT_SOCKET": self.lab.socket})


def both(test):
    """Makes of a test two: through `weft` and through the compat links."""
    def through_weft(lab):
        test(lab, Typist(lab, False))

    def through_links(lab):
        test(lab, Typist(lab, True))

    through_weft.__doc__ = f"{test.__doc__} (weft …)"
    through_links.__doc__ = f"{test.__doc__} (compat links)"
    return through_weft, through_links


def link(lab, name):
    """What weft shows of a link, None if there is none."""
    found = [one for one in lab.json("ip", "-d", "link") if one["ifname"] == name]
    return found[0] if found else None


def start(lab):
    lab.host("a", "10.1.0.1/24")
    lab.weftd("port add eth0 up type af_packet dev va\n")


def tuntap(lab, type_line):
    """TUN and TAP devices: made, shown, given an address, set up, removed."""
    start(lab)
    equal(type_line("ip tuntap add dev tap0 mod tap"), "", "ip tuntap add")
    equal(lab.switch.link("tap0")["linkinfo"]["info_data"]["type"], "tap", "type of tap0")
    equal(type_line("ip tuntap add dev tun0 mod tun"), "", "ip tuntap add")
    equal(lab.switch.link("tun0")["linkinfo"]["info_data"]["type"], "tun", "type of tun0")
    shown = type_line("ip addr show type tun")
    check("tap0:" in shown and "tun0:" in shown and "eth0" not in shown, f"ip addr show type tun: {shown}")
    check("    link/none" in shown, "tun0 has no link-layer address")
    equal(type_line("ip addr add 10.1.0.10/24 dev tap0"), "", "ip addr add")
    check("10.1.0.10/24" in lab.switch.ip("addr", "show", "dev", "tap0"), "the kernel has the address")
    equal(type_line("ip link set dev tap0 up"), "", "ip link set up")
    check("UP" in lab.switch.link("tap0")["flags"], "tap0 is up in the kernel")
    check("inet 10.1.0.10/24" in type_line("ip addr show type tun"), "the address is shown")
    equal(type_line("ip tuntap del dev tap0 mod tap"), "", "ip tuntap del")
    equal((lab.switch.link("tap0"), link(lab, "tap0")), (None, None), "tap0 after its removal")
    equal(type_line("tunctl -t tap1"), "Set 'tap1' persistent and owned by uid 0\n", "tunctl")
    equal(lab.switch.link("tap1")["linkinfo"]["info_data"]["user"], "root", "owner of tap1")


def veth(lab, type_line):
    """A veth pair."""
    start(lab)
    equal(type_line("ip link add veth-a type veth peer name veth-b"), "", "ip link add")
    equal((link(lab, "veth-a")["link"], link(lab, "veth-b")["link"]), ("veth-b", "veth-a"), "peers")
    equal(link(lab, "veth-a")["linkinfo"]["info_kind"], "veth", "kind")
    check("veth-a@veth-b:" in type_line("ip link show"), "ip link show")
    check(lab.switch.link("veth-a") and lab.switch.link("veth-b"), "TAPs of both ends")


def bridges(lab, type_line):
    """Bridges by brctl and ip: made, filled, shown, emptied, removed."""
    start(lab)
    equal(type_line("brctl addbr br1"), "", "brctl addbr")
    equal(link(lab, "br1")["linkinfo"]["info_kind"], "bridge", "kind of br1")
    equal(type_line("ip link add br2 type bridge"), "", "ip link add")
    equal(link(lab, "br2")["linkinfo"]["info_kind"], "bridge", "kind of br2")
    equal(type_line("brctl addif br1 eth0"), "", "brctl addif")
    equal(link(lab, "eth0")["master"], "br1", "master of eth0")
    shown = type_line("brctl show").splitlines()
    equal(shown[0], "bridge name\tbridge id\t\tSTP enabled\tinterfaces", "head of brctl show")
    equal([(row.split("\t")[0], row.split("\t")[-1]) for row in shown[1:]], [("br1", "eth0"), ("br2", "")], "brctl show")
    equal([row.split("\t")[0] for row in type_line("brctl show br1").splitlines()[1:]], ["br1"], "brctl show br1")
    shown = type_line("bridge link")
    check("eth0:" in shown and "master br1" in shown and "state " in shown, f"bridge link: {shown}")
    equal(type_line("brctl delif br1 eth0"), "", "brctl delif")
    check("master" not in link(lab, "eth0"), "eth0 left br1")
    equal(type_line("bridge link"), "", "bridge link without members")
    equal(type_line("ip link set dev eth0 master br1"), "", "ip link set master")
    equal(link(lab, "eth0")["master"], "br1", "master of eth0")
    equal(type_line("ip link set dev eth0 nomaster"), "", "ip link set nomaster")
    check("master" not in link(lab, "eth0"), "eth0 left br1 again")
    equal(type_line("brctl delbr br1"), "", "brctl delbr")
    equal(type_line("ip link del br2"), "", "ip link del")
    equal((link(lab, "br1"), link(lab, "br2")), (None, None), "bridges after their removal")
    equal(lab.switch.links(), ["va", "eth0"], "devices of the kernel")


def vlans(lab, type_line):
    """A VLAN sub-interface: made, working, deleted."""
    start(lab)
    equal(type_line("ip link add link eth0 name eth0.8 type vlan id 8"), "", "ip link add")
    info = link(lab, "eth0.8")["linkinfo"]["info_data"]
    equal((link(lab, "eth0.8")["link"], info["protocol"], info["id"]), ("eth0", "802.1Q", 8), "eth0.8")
    type_line("ip link set dev eth0.8 up")
    wire = lab.wire("a")
    tap = lab.switch.wire("eth0.8")
    lab.wires.append(tap)
    wire.send(frames.frame(frames.BROADCAST, frames.mac("02:aa:00:00:00:01"), payload=b"tagged", tags=frames.tag(8)))
    got = tap.wait(lambda data: b"tagged" in data)
    equal(got and got[12:14], b"\x88\xb5", "EtherType on eth0.8")
    equal(type_line("ip link delete eth0.8"), "", "ip link delete")
    equal((link(lab, "eth0.8"), lab.switch.link("eth0.8")), (None, None), "eth0.8 after its removal")


def lines_of(child, wanted, seconds=5.0):
    """Reads a child's output until wanted(text) is true."""
    os.set_blocking(child.stdout.fileno(), False)
    said = ""

    def more():
        nonlocal said
        with contextlib.suppress(BlockingIOError):
            said += os.read(child.stdout.fileno(), 65536).decode()
        return wanted(said)

    wait_for(more, f"what tapdump prints (so far: {said!r})", seconds)
    return said


def tapdump(lab, type_line):
    """tapdump opens a TAP of weft and prints a broadcast ping; with -n a TUN."""
    lab.weftd("")
    type_line("ip tuntap add dev tap0 mod tap")
    type_line("ip addr add 10.1.0.10/24 dev tap0")
    type_line("ip link set dev tap0 up")
    dump = lab.start(lab.switch, TAPDUMP, "tap0")
    lines_of(dump, lambda said: "listening on tap0" in said)
    wait_for(lambda: "LOWER_UP" in lab.switch.link("tap0")["flags"], "carrier of tap0")
    lab.switch.run("ping", "-c", "1", "-W", "1", "-b", "10.1.0.255", status=None, stdin=subprocess.DEVNULL)
    source = lab.switch.link("tap0")["address"]
    head = f"destination ff:ff:ff:ff:ff:ff source {source} type 0x0800 payload 84\n"
    said = lines_of(dump, lambda said: head in said and said.split(head)[1].count("\n") >= 6)
    packet = bytes.fromhex("".join(said.split(head)[1].splitlines()[:6]))
    equal((packet[12:16], packet[16:20], packet[9], packet[20]), (b"\x0a\1\0\x0a", b"\x0a\1\0\xff", 1, 8),
          "source, destination, protocol and type of the payload")
    dump.kill()

    type_line("ip tuntap add dev tun0 mod tun")
    type_line("ip addr add 10.3.0.1/24 dev tun0")
    type_line("ip link set dev tun0 up")
    dump = lab.start(lab.switch, TAPDUMP, "-n", "tun0")
    lines_of(dump, lambda said: "listening on tun0" in said)
    wait_for(lambda: "LOWER_UP" in lab.switch.link("tun0")["flags"], "carrier of tun0")
    lab.switch.run("ping", "-c", "1", "-W", "1", "10.3.0.7", status=None)
    head = "IPv4 payload 84\n"
    said = lines_of(dump, lambda said: head in said and said.split(head)[1].count("\n") >= 6)
    packet = bytes.fromhex("".join(said.split(head)[1].splitlines()[:6]))
    equal((packet[12:16], packet[16:20]), (b"\x0a\3\0\1", b"\x0a\3\0\7"), "addresses of the packet")


test_tuntap, test_tuntap_compat = both(tuntap)
test_veth, test_veth_compat = both(veth)
test_bridges, test_bridges_compat = both(bridges)
test_vlans, test_vlans_compat = both(vlans)
test_tapdump, test_tapdump_compat = both(tapdump)
