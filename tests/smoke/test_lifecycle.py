"""Ends of weftd, clean and not, and what the next start finds."""

import os
import signal
import subprocess
import time

from lab import bridge_config, check, equal, port_line, stateful
from test_ports import Pings

ADDRESS = "10.0.0.254"


def taken(lab, device):
    """Whether weft has a device: NOARP, an nftables chain that names it, IPv6 off. The table's name has a random folder in it."""
    rules = lab.switch.run("nft", "list", "ruleset")
    ipv6 = lab.switch.run("cat", f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6").strip()
    return {"noarp": "NOARP" in lab.switch.link(device)["flags"], "nft": f'"{device}"' in rules, "ipv6 off": ipv6 == "1",
            "promiscuous": lab.switch.link(device)["promiscuity"] > 0}


def nothing_left(lab, *devices):
    equal(sorted(lab.switch.links()), sorted(devices), "devices after the end")
    check(not os.path.exists(lab.socket), "the socket is still there")
    left = [name for name in os.listdir(lab.folder) if name not in ("weft.conf",)]
    equal(left, [], "files beside the socket")
    for device in devices:
        state = taken(lab, device)
        check(not any(state.values()), f"{device} was not given back: {state}")
    check("weft" not in lab.switch.run("nft", "list", "ruleset"), "an nftables table is left")


@stateful
def test_sigterm(lab):
    """SIGTERM ends weftd within 2 s with status 0; devices are given back, TAPs, socket and files are gone."""
    a, _ = lab.bridge("a", "b", extra=f"ip addr add {ADDRESS}/24 dev br0\n")
    a.reaches(ADDRESS)
    state = taken(lab, "va")
    check(all(state.values()), f"the device was not taken: {state}")
    lab.daemons[0].terminate(2)
    nothing_left(lab, "va", "vb")


def test_sigint(lab):
    """SIGINT likewise."""
    lab.bridge("a", "b")
    lab.daemons[0].signal(signal.SIGINT)
    equal(lab.daemons[0].wait(2), 0, "exit status after SIGINT")
    nothing_left(lab, "va", "vb")


@stateful
def test_sigterm_under_load(lab):
    """SIGTERM under traffic from hosts and a generator ends within 2 s."""
    a, _ = lab.bridge("a", "b", extra="port add g up type gen flows 1000\nip link set g master br0\n")
    lab.start(a, "ping", "-f", "-q", "10.0.0.2", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    lab.daemons[0].terminate(2)
    nothing_left(lab, "va", "vb")


def test_sigterm_with_a_hundred_interfaces(lab):
    """100 sub-interfaces with a TAP each do not make the end longer than 2 s."""
    lab.bridge("a", "b", extra="".join(f"ip link add link a name a.{n} up type vlan id {n}\n" for n in range(2, 102)))
    equal(len(lab.switch.links()), 105, "devices and TAPs")
    lab.daemons[0].terminate(2)
    nothing_left(lab, "va", "vb")


def test_sigterm_while_starting(lab):
    """SIGTERM at any moment of the start ends within 2 s and leaves nothing."""
    lab.host("a")
    lab.host("b")
    for milliseconds in (5, 50, 150, 300, 450, 600):
        daemon = lab.weftd(bridge_config("a", "b"), wait=False)
        time.sleep(milliseconds / 1000)
        daemon.signal(signal.SIGTERM)
        status = daemon.wait(2)
        check(status in (0, -signal.SIGTERM), f"status {status} after {milliseconds} ms")
        nothing_left(lab, "va", "vb")


@stateful
def test_kill_and_adopt(lab):
    """After kill -9 the TAPs stay with their addresses; the next start adopts them and traffic flows."""
    a, _ = lab.bridge("a", "b")
    lab.switch.ip("addr", "add", f"{ADDRESS}/24", "dev", "br0")
    a.reaches(ADDRESS)
    before = {name: lab.switch.link(name)["ifindex"] for name in ("a", "b", "br0")}
    lab.daemons[0].kill()
    check(ADDRESS in lab.switch.ip("addr", "show", "dev", "br0"), "the address went with the daemon")
    lab.weftd(bridge_config("a", "b"))
    equal({name: lab.switch.link(name)["ifindex"] for name in ("a", "b", "br0")}, before, "TAPs adopted")
    check(ADDRESS in lab.switch.ip("addr", "show", "dev", "br0"), "the address went with the adoption")
    a.reaches(ADDRESS)
    a.reaches("10.0.0.2")
    lab.daemons[1].terminate(2)
    nothing_left(lab, "va", "vb")


def test_kill_and_fewer_ports(lab):
    """After kill -9, a start with less in its configuration removes the TAPs and gives back the devices it no longer uses."""
    lab.bridge("a", "b")
    lab.daemons[0].kill()
    lab.weftd(port_line("a"))
    equal(sorted(lab.switch.links()), ["a", "va", "vb"], "devices")
    state = taken(lab, "vb")
    check(not any(state.values()), f"vb was not given back: {state}")
    check(taken(lab, "va")["nft"], "va is not taken")


def test_clean(lab):
    """`weftd --clean` removes what a dead daemon left; with a live one it refuses."""
    lab.bridge("a", "b")
    daemon = lab.weftd(None, "--clean", wait=False)
    equal(daemon.wait(), 3, "exit status of --clean beside a live daemon")
    lab.daemons[0].kill()
    check(len(lab.switch.links()) == 5, f"TAPs did not stay: {lab.switch.links()}")
    daemon = lab.weftd(None, "--clean", wait=False)
    equal(daemon.wait(), 0, "exit status of --clean")
    nothing_left(lab, "va", "vb")


def test_stop(lab):
    """`weft stop` ends the daemon with 0 and leaves nothing."""
    lab.bridge("a", "b")
    lab.weft("stop")
    equal(lab.daemons[0].wait(2), 0, "exit status")
    nothing_left(lab, "va", "vb")


@stateful
def test_stop_keep(lab):
    """`stop --keep`: TAPs stay with addresses and routes, devices stay taken, so that nobody answers in between; the
    next weftd adopts both, and at no moment does the kernel's stack see a device."""
    a, _ = lab.bridge("a", "b", extra=f"ip addr add {ADDRESS}/24 dev br0\n")
    lab.switch.ip("addr", "add", "10.9.0.1/24", "dev", "br0")
    lab.switch.ip("route", "add", "10.8.0.0/16", "via", "10.9.0.2")
    lab.switch.sysctl("net.ipv4.ip_forward", 1)
    a.reaches(ADDRESS)
    before = {name: lab.switch.link(name)["ifindex"] for name in ("a", "b", "br0")}
    mac = lab.switch.link("br0")["address"]
    lab.weft("stop", "--keep")
    equal(lab.daemons[0].wait(2), 0, "exit status")
    shown = lab.switch.ip("addr", "show", "dev", "br0")
    check(ADDRESS in shown and "10.9.0.1" in shown, f"the addresses did not stay: {shown}")
    check("10.8.0.0/16" in lab.switch.ip("route"), "the route did not stay")
    state = taken(lab, "va")
    check(state["noarp"] and state["nft"] and state["ipv6 off"], f"va was given back: {state}")
    a.ip("neigh", "flush", "dev", "eth0")
    wire = lab.wire("a")
    equal(a.ping(ADDRESS, 2, 0.2), 0, "answers while nobody runs")
    lab.weftd(bridge_config("a", "b") + f"ip addr add {ADDRESS}/24 dev br0\n")
    equal({name: lab.switch.link(name)["ifindex"] for name in before}, before, "TAPs adopted")
    a.reaches(ADDRESS)
    a.reaches("10.0.0.2")
    replies = {got[6:12].hex(":") for got in wire.collect(0.2, lambda got: got[12:14] == b"\x08\x06" and got[21] == 2)
               if got[28:32] == bytes([10, 0, 0, 254])}
    equal(replies, {mac}, "who answered ARP for the address, at any time")
    check("10.8.0.0/16" in lab.switch.ip("route"), "the route went with the adoption")
    lab.weft("stop")
    equal(lab.daemons[1].wait(2), 0, "exit status")
    nothing_left(lab, "va", "vb")


def test_stop_keep_and_clean(lab):
    """After `stop --keep`, `weftd --clean` gives all back; a start with less gives back what it does not name."""
    lab.bridge("a", "b")
    lab.weft("stop", "--keep")
    lab.daemons[0].wait(2)
    lab.weftd(port_line("a"))
    check(not any(taken(lab, "vb").values()), "vb was not given back")
    check(all(taken(lab, "va").values()), "va is not taken")
    lab.weft("stop", "--keep")
    lab.daemons[1].wait(2)
    daemon = lab.weftd(None, "--clean", wait=False)
    equal(daemon.wait(), 0, "exit status of --clean")
    nothing_left(lab, "va", "vb")


def test_kill_and_put_back(lab):
    """After kill -9, MTU and MAC that weft had set on a device are put back by the next start and by --clean; one that
    cannot be configured gives all back too."""
    lab.host("a")
    former = {key: lab.switch.link("va")[key] for key in ("mtu", "address")}
    changed = "ip link set a mtu 1400\nip link set a address 02:12:34:56:78:9a\n"

    def now():
        return {key: lab.switch.link("va")[key] for key in ("mtu", "address")}

    def crash(config):
        daemon = lab.weftd(config)
        equal(now(), {"mtu": 1400, "address": "02:12:34:56:78:9a"}, "MTU and MAC while it runs")
        daemon.kill()
        equal(now(), {"mtu": 1400, "address": "02:12:34:56:78:9a"}, "MTU and MAC after the crash")

    crash(port_line("a") + changed)
    lab.weftd(port_line("a")).terminate()
    equal(now(), former, "MTU and MAC after a start that uses the device and sets nothing, and its end")
    crash(port_line("a", "mtu 1400 mac 02:12:34:56:78:9a"))
    crash(port_line("a") + changed)  # adopts what the crash before left, and changes it again
    daemon = lab.weftd(port_line("a"))
    equal(now(), former, "MTU and MAC while a start that sets nothing runs")
    daemon.terminate()
    crash(port_line("a") + changed)
    lab.weftd("port add n up type null\n").terminate()
    equal(now(), former, "MTU and MAC after a start without the port")
    crash(port_line("a") + changed)
    equal(lab.weftd(None, "--clean", wait=False).wait(), 0, "exit status of --clean")
    equal(now(), former, "MTU and MAC after --clean")
    nothing_left(lab, "va")
    crash(port_line("a") + changed)
    equal(lab.weftd("port add n up type nosuch\n", wait=False).wait(), 2, "exit status of a refused configuration")
    equal(now(), former, "MTU and MAC after a start that was refused")


def test_second_daemon(lab):
    """A second daemon on the same socket ends with 3 and one sentence; the first is not disturbed."""
    a, _ = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    pings = Pings(lab, a, "10.0.0.2")
    second = lab.weftd(bridge_config("a", "b"), wait=False)
    equal(second.wait(), 3, "exit status")
    check(lab.socket in second.text(), f"the message does not name the socket: {second.text()}")
    equal(pings.lost(), 0, "lost pings")
    lab.weft("show", "version")


def test_two_daemons(lab):
    """Two daemons on two sockets live beside each other."""
    lab.bridge("a", "b")
    lab.host("c")
    other = os.path.join(lab.folder, "other.sock")
    lab.weftd(port_line("c"), socket=other)
    equal([row["ifname"] for row in lab.json("port", "show")], ["a", "b"], "ports of the first")
    lab.daemons[1].terminate(2)
    lab.namespaces["a"].reaches("10.0.0.2")
    check(taken(lab, "va")["nft"], "the second daemon's end gave back the first one's device")


def test_killed_with_another_netns(lab):
    """TAPs of a daemon that died go with the next start on its socket, and with --clean, whatever --netns says then."""
    one, two = lab.namespace("one"), lab.namespace("two")
    for arguments in (["--netns", two.name], ["--netns", two.name, "--clean"], ["--clean"]):
        dead = lab.weftd("port add n up type null\n", "--netns", one.name)
        check("n" in one.links(), "the TAP")
        dead.kill()
        check("n" in one.links(), "the TAP after kill -9")
        clean = "--clean" in arguments
        after = lab.weftd(None if clean else "", *arguments, wait=not clean)
        if clean:
            equal(after.wait(10), 0, "exit status of --clean")
        check("n" not in one.links(), f"the TAP was left by {arguments}")
        check(f"n in {one.name}: removed" in after.text(), after.text())
        after.kill()
