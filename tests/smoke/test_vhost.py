"""Virtual machines on vhost-user ports."""

import os
import re
import time

from lab import BUILD, check, equal, stateful, wait_for
from machine import tap_machine, vhost_machine

PEERS = os.path.join(BUILD, "tests/support/vhost_peers")


def mbits(text):
    """What iperf3's receiver says."""
    return float(re.search(r"([\d.]+) Mbits/sec\s+receiver", text)[1])


def transfers(guest, server):
    """TCP from a guest to an iperf3 server and back, in Mbit/s; a wrong checksum would leave nothing of it."""
    return tuple(mbits(guest.run(f"iperf3 -c {server} -n 8M -f m{way}", 60)) for way in ("", " -R"))


def machines(lab):
    """A guest on vhost-user, one on a TAP and a namespace with its offloads on, in one bridge."""
    path = os.path.join(lab.folder, "vm0.sock")
    host = lab.host("c", "10.0.0.3/24")
    lab.switch.ip("tuntap", "add", "dev", "tap1", "mode", "tap", "vnet_hdr")
    lab.weftd(f"""port add a up type vhost-user path {path} queues 2
        port add b up type af_packet dev tap1
        port add c up type af_packet dev vc
        ip link add br0 up type bridge
        ip link set a master br0
        ip link set b master br0
        ip link set c master br0
        """)
    a = vhost_machine(lab, "a", "10.0.0.1", path, queues=2)
    b = tap_machine(lab, "b", "10.0.0.2", "tap1")
    return a.boot(), b.boot(), host, path


def test_guests_and_a_namespace(lab):
    """Guests on vhost-user and TAP and a namespace reach each other by ping and TCP; the switch dies and comes back."""
    a, b, host, path = machines(lab)
    equal(a.ping("10.0.0.2"), 3, "pings from a to b")
    equal(b.ping("10.0.0.1"), 3, "pings from b to a")
    equal(a.ping("10.0.0.3", size=1472), 3, "long pings from a to the namespace")
    host.reaches("10.0.0.1")
    for server in (lambda: b.run("iperf3 -s -D"), lambda: lab.start(host, "iperf3", "-s")):
        server()
    for guest, address in ((a, "10.0.0.2"), (a, "10.0.0.3"), (b, "10.0.0.3")):
        there, back = transfers(guest, address)
        check(there > 1 and back > 1, f"{guest.name} to {address}: {there} and {back} Mbit/s")
    equal(lab.drops("ingress/bad_offload") + lab.drops("egress/bad_offload") + lab.drops("ingress/bad_descriptor"), 0,
          "frames with wrong offloads")
    # Long frames went as such between those that take them.
    statistics = lab.json("ethtool", "-S", "a")
    statistics = statistics[0] if isinstance(statistics, list) else statistics
    check(int(statistics["tx_bytes"]) > 2500 * int(statistics["tx_packets"]), f"no TSO frames: {statistics}")

    lab.daemons[-1].kill()
    equal(a.ping("10.0.0.2", 1), 0, "pings without a switch")
    daemon = lab.weftd(None, "--config", os.path.join(lab.folder, "weft.conf"))
    wait_for(lambda: a.ping("10.0.0.2", 1) == 1, "a reaches b through the new switch", 10)
    wait_for(lambda: a.ping("10.0.0.3", 1) == 1, "a reaches the namespace through the new switch", 10)
    there, back = transfers(a, "10.0.0.3")
    check(there > 1 and back > 1, f"after the restart {there} and {back} Mbit/s")
    daemon.terminate(10)  # with guests connected


test_guests_and_a_namespace.seconds = 300  # on a machine that does other things, too


@stateful
def test_forty_peers(lab):
    """40 guests at once: each reaches the next."""
    count = 40
    lab.weftd("".join(f"port add v{i} up type vhost-user path {lab.folder}/{i}.sock\n" for i in range(count)) +
              "ip link add br0 up type bridge\n" +
              "".join(f"ip link set v{i} master br0\n" for i in range(count)))
    peers = lab.start(lab.switch, PEERS, lab.folder, str(count))
    said = peers.communicate(timeout=60)[0]
    equal(said.strip().splitlines()[-1], f"{count} peers, {count} frames arrived", "what the peers saw")


def test_an_idle_port_costs_little(lab):
    """A guest that is silent costs less than 5 % of a CPU."""
    lab.weftd(f"port add v0 up type vhost-user path {lab.folder}/0.sock\n")
    peers = lab.start(lab.switch, PEERS, lab.folder, "1", "10")
    wait_for(lambda: lab.json("port", "show", "v0")[0]["link"] == "up", "the guest is connected")
    time.sleep(1.5)

    def clocks():
        with open(f"/proc/{lab.daemons[-1].pid}/stat") as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
    before = clocks()
    time.sleep(3)
    used = (clocks() - before) / os.sysconf("SC_CLK_TCK") / 3
    check(used < 0.05, f"{used:.1%} of a CPU")
    peers.kill()


def test_server_port(lab):
    """weft as the server: the file comes and goes with the port; del with the guest there; refusals."""
    path = os.path.join(lab.folder, "v.sock")
    lab.weftd("")
    lab.weft("port", "add", "v0", "up", "type", "vhost-user", "path", path, "server")
    check(os.path.exists(path), "no socket")
    equal(lab.weft("save").splitlines()[0], f"port add v0 up type vhost-user path {path} server", "save")
    check("v0" in lab.refused("port", "add", "v1", "type", "vhost-user", "path", path), "one path, two ports")
    message = lab.refused("port", "add", "v1", "type", "vhost-user", "path", "/nowhere/s")
    equal(message.strip().splitlines()[0], "port v1: /nowhere: No such file or directory", "missing folder")
    peers = lab.start(lab.switch, PEERS, "--server", path, "10")
    wait_for(lambda: lab.json("port", "show", "v0")[0]["link"] == "up", "the guest is connected")
    shown = lab.json("port", "show", "v0")[0]
    equal((shown["type"], shown["driver"]), ("vhost-user", "vhost-user"), "port show")
    wait_for(lambda: lab.drops("ingress/bad_descriptor", "v0") == 1, "the guest's nonsense is counted")
    check("broken_rings: 1" in lab.weft("ethtool", "-S", "v0"), "ethtool -S")
    lab.weft("port", "del", "v0")
    check(not os.path.exists(path), "the socket stays")
    peers.kill()
    # The file of a switch that was killed does not keep the next from starting.
    lab.weft("port", "add", "v0", "up", "type", "vhost-user", "path", path, "server")
    lab.file("weft.conf", lab.weft("save"))
    lab.daemons[-1].kill()
    check(os.path.exists(path), "nothing is left of a killed switch")
    lab.weftd(None, "--config", os.path.join(lab.folder, "weft.conf"))
    lab.daemons[-1].terminate()
    check(not os.path.exists(path), "the socket stays after the end")
