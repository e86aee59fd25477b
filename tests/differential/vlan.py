"""VLAN filtering: weft against Open vSwitch's userspace datapath, the second opinion where the kernel has none.

Differences that are known and left out of the sequences, because there weft does what Linux does:
- a frame tagged with an access port's own VID: Linux admits it (the port is a member), OVS drops it;
- an 802.1ad tag at an 802.1Q bridge: to Linux untagged traffic, OVS drops it at an access port;
- link-local groups: OVS keeps back 01:80:c2:00:00:00 too, Linux floods it while STP is off;
- source addresses that are groups, zero or the switch's own, and frames to the switch itself.
As in bridge.py, weft's hold of an address that moves more than 5 times within a second is kept out too.
"""

import json
import os
import socket
import struct

import frames
import lab
from probe import Probe, about, on_one_cpu, show, station
from stations import Stations

PORTS = 6
FRAMES = 300
VIDS = (10, 20, 30)
STATIONS = [frames.mac(f"02:aa:00:00:00:{n:02x}") for n in range(12)]
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class PortVlans:
    """pvid (0: none), whether the PVID leaves untagged, and the tagged members."""

    def __init__(self, pvid, untagged, tagged):
        self.pvid, self.untagged, self.tagged = pvid, untagged, tuple(tagged)
        self.access = bool(pvid) and not tagged
        self.home = pvid or self.tagged[0]

    def __str__(self):
        return f"pvid {self.pvid}{' untagged' if self.untagged else ''} tagged {self.tagged}"

    def ovs(self):
        if self.access:
            return ["vlan_mode=access", f"tag={self.pvid}"]
        trunks = "trunks=" + ",".join(str(vid) for vid in self.tagged)
        if not self.pvid:
            return ["vlan_mode=trunk", trunks]
        return [f"vlan_mode=native-{'untagged' if self.untagged else 'tagged'}", f"tag={self.pvid}", trunks]

    def weft(self, name):
        lines = [f"bridge vlan add dev {name} vid {vid}" for vid in self.tagged]
        if self.pvid:
            lines.append(f"bridge vlan add dev {name} vid {self.pvid} pvid{' untagged' if self.untagged else ''}")
        return "".join(line + "\n" for line in lines)


def random_vlans(chance):
    kind = chance.choice(("access", "access", "trunk", "native-untagged", "native-tagged"))
    vid = chance.choice(VIDS)
    others = [other for other in VIDS if other != vid and chance.random() < 0.7]
    if kind == "access":
        return PortVlans(vid, True, ())
    if kind == "trunk":
        return PortVlans(0, False, [vid, *others])
    return PortVlans(vid, kind == "native-untagged", others or [next(v for v in VIDS if v != vid)])


class Filtering(Probe):
    """A probe whose sentinels travel in each port's own VLAN."""

    TPID = frames.CUSTOMER

    def __init__(self, place, role, vlans, workers=1):
        super().__init__(place, role, len(vlans), workers)
        self.vlans = vlans

    def vid_of(self, port):
        home = self.vlans[port].home
        untagged = home == self.vlans[port].pvid
        tag = frames.tag(home, tpid=self.TPID)
        return (b"" if untagged else tag), tag


class Ovs(Filtering):
    SETTINGS = ()

    def __init__(self, place, vlans):
        super().__init__(place, "ovs", vlans)
        self.folder = os.path.join(place.folder, "ovs")
        os.mkdir(self.folder)
        if not os.path.exists(SCHEMA):
            raise lab.Skipped("Open vSwitch is not installed")
        self.database = f"unix:{self.folder}/db.sock"
        self.control_socket = os.path.join(self.folder, "vswitchd.ctl")
        environment = {**os.environ, "OVS_RUNDIR": self.folder, "OVS_LOGDIR": self.folder, "OVS_DBDIR": self.folder}
        lab.run("ovsdb-tool", "create", f"{self.folder}/conf.db", SCHEMA, env=environment)
        self.log = open(os.path.join(self.folder, "log"), "w")
        place.start(self.inside, "ovsdb-server", f"{self.folder}/conf.db", f"--remote=p{self.database}",
                    f"--unixctl={self.folder}/ovsdb.ctl", env=environment, stdout=self.log, stderr=self.log)
        lab.wait_for(lambda: os.path.exists(f"{self.folder}/db.sock"), "ovsdb-server answers")
        self.vsctl("--no-wait", "init")
        for setting in self.SETTINGS:
            self.vsctl("--no-wait", "set", "Open_vSwitch", ".", setting)
        place.start(self.inside, "ovs-vswitchd", self.database, f"--unixctl={self.control_socket}", "--disable-system",
                    env=environment, stdout=self.log, stderr=self.log)
        try:
            self.vsctl("--timeout=10", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
        except lab.Failed as error:
            raise lab.Skipped(f"Open vSwitch did not start: {error}") from None
        for port, vlan in enumerate(vlans):
            self.vsctl("--timeout=10", "add-port", "br0", f"p{port}", *vlan.ovs())
        self.unixctl = socket.socket(socket.AF_UNIX)
        self.unixctl.connect(self.control_socket)
        place.wires.append(self.unixctl)
        control = len(vlans) - 1
        for port, vlan in enumerate(vlans):
            self.ask("fdb/add", "br0", f"p{port}", str(vlan.home), frames.mac_text(station(port)))
            if port != control:
                self.ask("fdb/add", "br0", f"p{control}", str(vlan.home), frames.mac_text(station(control)))

    def vsctl(self, *words):
        return self.inside.run("ovs-vsctl", f"--db={self.database}", *words)

    def ask(self, method, *words):
        self.unixctl.sendall(json.dumps({"id": 0, "method": method, "params": words}).encode())
        said = b""
        while True:
            said += self.unixctl.recv(65536)
            try:
                answer = json.loads(said)
            except ValueError:
                continue
            lab.check(answer["error"] is None, f"ovs-appctl {method}: {answer['error']}")
            return answer["result"]

    def step(self, port, data):
        self.ask("revalidator/purge")  # no flow of before what was learned last
        return super().step(port, data)


class Weft(Filtering):
    OPTIONS = ""

    def __init__(self, place, vlans):
        super().__init__(place, "weft", vlans, len(place.workers.split(",")))
        config = f"ip link add br0 up type bridge vlan_filtering 1 vlan_default_pvid 0 {self.OPTIONS}\n"
        control = len(vlans) - 1
        for port, vlan in enumerate(vlans):
            config += (f"port add t{port} up type af_packet dev p{port}\nip link set t{port} master br0\n"
                       + vlan.weft(f"t{port}"))
        for port, vlan in enumerate(vlans):
            config += f"bridge fdb add {frames.mac_text(station(port))} dev t{port} master static vlan {vlan.home}\n"
        for vid in {vlan.home for vlan in vlans[:-1]} - {vlans[control].home}:
            config += f"bridge fdb add {frames.mac_text(station(control))} dev t{control} master static vlan {vid}\n"
        place.weftd(config)


def random_frame(chance, vlans, source, port, number):
    destination = chance.choices([chance.choice(STATIONS), frames.BROADCAST, frames.mac("01:00:5e:01:02:03")],
                                 [70, 15, 15])[0]
    kind = chance.choices(("untagged", "priority", "tagged", "double", "reserved"), (35, 10, 45, 8, 2))[0]
    vid = chance.choice((*VIDS, 40))
    if vlans[port].access and vid == vlans[port].pvid:
        kind = "untagged"  # see above
    pcp = chance.randrange(8)
    tags = {"untagged": b"", "priority": frames.tag(0, pcp), "tagged": frames.tag(vid, pcp),
            "double": frames.tag(vid, pcp) + frames.tag(99, 4), "reserved": frames.tag(4095, pcp)}[kind]
    return frames.frame(destination, source, 0x0900, b"frame" + struct.pack("!I", number), tags,
                        chance.choice((60, 200, 1506)) + len(tags))


def compare(place, chance):
    """A random sequence of frames between ports with random VLAN sets: the same frames out by the same ports."""
    vlans = [random_vlans(chance) for _ in range(PORTS - 1)] + [PortVlans(0, False, VIDS)]
    ovs, weft = Ovs(place, vlans), Weft(place, vlans)
    history, stations = [], Stations(chance, STATIONS)
    with on_one_cpu():
        for number in range(FRAMES):
            port = chance.randrange(PORTS)
            source = stations.choose(port)
            data = random_frame(chance, vlans, source, port, number)
            stations.appear(source, port)
            history.append(f"port {port} gets {data[:26].hex()} ({len(data)} bytes)")
            wanted, got = ovs.step(port, data), weft.step(port, data)
            lab.check(got == wanted, f"frame {number}: OVS sends {show(wanted)}; weft sends {show(got)}; ports: "
                      + "; ".join(f"{n} {vlan}" for n, vlan in enumerate(vlans))
                      + f"; what concerned its destination: {about(history, data[:6])}")
