"""A bridge without VLAN filtering: weft against the kernel's bridge.

One difference is known and kept out of the sequences: weft holds an address that moves more than 5 times within a
second where it is, so that a loop does not cost every worker a write to the FDB for each frame; Linux follows.
"""

import json
import struct

import frames
import lab
from probe import Probe, about, on_one_cpu, port_mac, show, station
from stations import Stations

PORTS = 6
STICKY = ("static", "sticky")
STATIONS = [frames.mac(f"02:aa:00:00:00:{n:02x}") for n in range(16)]
FRAMES, FRAMES_A_LOOK = 300, 30
FLAGS = ("learning", "flood", "mcast_flood", "bcast_flood", "isolated", "hairpin", "locked")


def table(rows):
    """MAC address -> port and kind, of the entries that are not the switch's own, from `bridge -j fdb show`."""
    return {row["mac"]: (row["ifname"][1:], row.get("state", ""), "sticky" in row.get("flags", []))
            for row in rows if row.get("state") != "permanent" and "self" not in row.get("flags", [])}


class LinuxBridge(Probe):
    def __init__(self, place):
        super().__init__(place, "linux", PORTS)
        self.inside.ip("link", "add", "br0", "address", "02:90:00:00:00:ff", "type", "bridge", "mcast_snooping", "0")
        self.inside.ip("link", "set", "br0", "up")
        for port in range(PORTS):
            self.inside.ip("link", "set", f"p{port}", "master", "br0")
            self.static(port, "add", frames.mac_text(station(port)), *STICKY)
        lab.wait_for(lambda: all(row["state"] == "forwarding" for row in self.shown("link")), "ports forward")

    def bridge(self, *words):
        return lab.run("bridge", "-n", self.inside.name, *words)

    def shown(self, *words):
        return json.loads(self.bridge("-j", *words))

    def static(self, port, verb, mac, *flags):
        self.bridge("fdb", verb, mac, "dev", f"p{port}", "master", *flags)

    def group_fwd_mask(self, mask):
        self.inside.ip("link", "set", "br0", "type", "bridge", "group_fwd_mask", str(mask))

    def flag(self, port, flag, on):
        self.bridge("link", "set", "dev", f"p{port}", flag, "on" if on else "off")

    def flush(self, port):
        self.bridge("fdb", "flush", "dev", f"p{port}", "master", "dynamic")

    def leave_and_join(self, port):
        self.inside.ip("link", "set", f"p{port}", "nomaster")
        self.inside.ip("link", "set", f"p{port}", "master", "br0")
        self.static(port, "add", frames.mac_text(station(port)), *STICKY)

    def table(self):
        return table(self.shown("fdb", "show", "br", "br0"))


class WeftBridge(Probe):
    def __init__(self, place):
        super().__init__(place, "weft", PORTS, len(place.workers.split(",")))
        place.weftd("".join(f"port add t{port} up type af_packet dev p{port}\n" for port in range(PORTS))
                    + "ip link add br0 up address 02:90:00:00:00:ff type bridge\n"
                    + "".join(f"ip link set t{port} master br0\n" for port in range(PORTS))
                    + "".join(f"bridge fdb add {frames.mac_text(station(port))} dev t{port} master static sticky\n"
                              for port in range(PORTS)))

    def static(self, port, verb, mac, *flags):
        self.place.weft("bridge", "fdb", verb, mac, "dev", f"t{port}", "master", *flags)

    def group_fwd_mask(self, mask):
        self.place.weft("ip", "link", "set", "br0", "type", "bridge", "group_fwd_mask", str(mask))

    def flag(self, port, flag, on):
        self.place.weft("bridge", "link", "set", "dev", f"t{port}", flag, "on" if on else "off")

    def flush(self, port):
        self.place.weft("bridge", "fdb", "flush", "dev", f"t{port}", "master", "dynamic")

    def leave_and_join(self, port):
        self.place.weft("ip", "link", "set", f"t{port}", "nomaster")
        self.place.weft("ip", "link", "set", f"t{port}", "master", "br0")
        self.static(port, "add", frames.mac_text(station(port)), *STICKY)

    def table(self):
        return table(self.place.json("bridge", "fdb", "show", "br", "br0"))


def random_frame(chance, source, number):
    """A frame of a station, a tenth of them of a source that no bridge learns."""
    own = [frames.mac(port_mac(chance.randrange(PORTS))), frames.mac("02:90:00:00:00:ff")]
    groups = [frames.mac(text) for text in ("01:00:5e:00:00:01", "01:00:5e:01:02:03", "33:33:00:00:00:01",
                                            "01:80:c2:00:00:21", "ab:cd:ef:00:00:01")]
    link_local = frames.mac(f"01:80:c2:00:00:{chance.choice((0, 1, *range(16))):02x}")
    destination = chance.choices([chance.choice(STATIONS), frames.BROADCAST, chance.choice(groups), link_local,
                                  chance.choice(own)], [58, 12, 15, 8, 7])[0]
    source = chance.choices([source, chance.choice(own), chance.choice(groups), bytes(6)],
                            [90, 4, 3, 3])[0]
    tags = b"".join(frames.tag(chance.choice((0, 1, 5, 4095)), chance.randrange(8), chance.randrange(2),
                               chance.choice((frames.CUSTOMER, frames.SERVICE)))
                    for _ in range(chance.choices((0, 1, 2), (70, 20, 10))[0]))
    ethertype = chance.choice((frames.EXPERIMENT, 0x0900, 0x8847))
    return frames.frame(destination, source, ethertype, b"frame" + struct.pack("!I", number), tags,
                        chance.choice((60, 61, 128, 1000, 1506)) + len(tags))


def random_change(chance, switches, statics):
    """Changes something at both switches; returns what, as text."""
    port = chance.randrange(PORTS - 1)
    kind = chance.choices(("flag", "flush", "static", "rejoin", "mask"), (70, 8, 12, 5, 5))[0]
    if kind == "flag":
        flag, on = chance.choice(FLAGS), chance.random() < 0.5
        for switch in switches:
            switch.flag(port, flag, on)
        return f"port {port} {flag} {'on' if on else 'off'}"
    if kind == "mask":
        mask = chance.getrandbits(16) & ~7  # BPDUs, pause frames and LACP cannot be named
        for switch in switches:
            switch.group_fwd_mask(mask)
        return f"group_fwd_mask {mask:#x}"
    if kind == "static":
        mac = frames.mac_text(chance.choice(STATIONS))
        if mac in statics:
            verb, port, flags = "del", statics.pop(mac), ()
        else:
            verb, statics[mac], flags = "replace", port, STICKY
        for switch in switches:
            switch.static(port, verb, mac, *flags)
        return f"static {verb} {mac} port {port}"
    for switch in switches:
        switch.flush(port) if kind == "flush" else switch.leave_and_join(port)
    if kind == "rejoin":
        for mac in [mac for mac, where in statics.items() if where == port]:
            del statics[mac]
    return f"port {port} {kind}"


def compare_tables(weft, linux, history):
    for address in weft.keys() | linux.keys():
        lab.check(weft.get(address) == linux.get(address), f"{address} is {linux.get(address)} at Linux, "
                  f"{weft.get(address)} at weft; what concerned it: {about(history, frames.mac(address))}")


def compare(place, chance):
    """A random sequence of frames and changes through both: the same frames out by the same ports, the same FDB."""
    linux, weft = LinuxBridge(place), WeftBridge(place)
    history, statics, stations = [], {}, Stations(chance, STATIONS)
    with on_one_cpu():
        for number in range(FRAMES):
            if chance.random() < 0.12:
                history.append(random_change(chance, (linux, weft), statics))
            port = chance.randrange(PORTS)
            data = random_frame(chance, stations.choose(port), number)
            stations.appear(data[6:12], port)
            history.append(f"port {port} gets {data[:26].hex()} ({len(data)} bytes)")
            wanted, got = linux.step(port, data), weft.step(port, data)
            lab.check(got == wanted, f"frame {number}: Linux sends {show(wanted)}; weft sends {show(got)}; what "
                      f"concerned its destination: {about(history, data[:6])}")
            if number % FRAMES_A_LOOK == FRAMES_A_LOOK - 1:
                compare_tables(weft.table(), linux.table(), history)
