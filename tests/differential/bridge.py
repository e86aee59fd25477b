"""A bridge without VLAN filtering: weft against the kernel's bridge.

One known difference is kept out of the sequences: weft holds an address that moves more than 5 times within a second.
"""

import json
import struct
import time

import frames
import lab
from probe import Probe, port_mac, show, station

PORTS = 6
STATIONS = 16
FRAMES = 300
FLAGS = ("learning", "flood", "mcast_flood", "bcast_flood", "isolated", "hairpin", "locked")


class LinuxBridge(Probe):
    def __init__(self, place):
        super().__init__(place, "linux", PORTS)
        self.inside.ip("link", "add", "br0", "address", "02:90:00:00:00:ff", "type", "bridge", "mcast_snooping", "0")
        self.inside.ip("link", "set", "br0", "up")
        for port in range(PORTS):
            self.inside.ip("link", "set", f"p{port}", "master", "br0")
            self.static(port, "add", frames.mac_text(station(port)))
        lab.wait_for(lambda: all(row["state"] == "forwarding" for row in self.shown("link")), "ports forward")

    def bridge(self, *words):
        return lab.run("bridge", "-n", self.inside.name, *words)

    def shown(self, *words):
        return json.loads(self.bridge("-j", *words))

    def static(self, port, verb, mac):
        self.bridge("fdb", verb, mac, "dev", f"p{port}", "master", *(["static", "sticky"] if verb != "del" else []))

    def flag(self, port, flag, on):
        self.bridge("link", "set", "dev", f"p{port}", flag, "on" if on else "off")

    def flush(self, port):
        self.bridge("fdb", "flush", "dev", f"p{port}", "master", "dynamic")

    def leave_and_join(self, port):
        self.inside.ip("link", "set", f"p{port}", "nomaster")
        self.inside.ip("link", "set", f"p{port}", "master", "br0")
        self.static(port, "add", frames.mac_text(station(port)))

    def learned(self):
        return {row["mac"]: row["ifname"][1:] for row in self.shown("fdb", "show", "br", "br0")
                if row.get("state") not in ("permanent", "static") and "self" not in row.get("flags", [])}


class WeftBridge(Probe):
    def __init__(self, place, settle):
        super().__init__(place, "weft", PORTS, settle)
        place.weftd("".join(f"port add t{port} up type af_packet dev p{port}\n" for port in range(PORTS))
                    + "ip link add br0 up address 02:90:00:00:00:ff type bridge\n"
                    + "".join(f"ip link set t{port} master br0\n" for port in range(PORTS))
                    + "".join(f"bridge fdb add {frames.mac_text(station(port))} dev t{port} master static\n"
                              for port in range(PORTS)))

    def static(self, port, verb, mac):
        self.place.weft("bridge", "fdb", verb, mac, "dev", f"t{port}", "master",
                        *(["static", "sticky"] if verb != "del" else []))

    def flag(self, port, flag, on):
        self.place.weft("bridge", "link", "set", "dev", f"t{port}", flag, "on" if on else "off")

    def flush(self, port):
        self.place.weft("bridge", "fdb", "flush", "dev", f"t{port}", "master", "dynamic")

    def leave_and_join(self, port):
        self.place.weft("ip", "link", "set", f"t{port}", "nomaster")
        self.place.weft("ip", "link", "set", f"t{port}", "master", "br0")
        self.static(port, "add", frames.mac_text(station(port)))

    def learned(self):
        return {mac: name[1:] for mac, name in self.place.learned().items()}


class Stations:
    """Where each source was seen last, and when it moved."""

    def __init__(self):
        self.port, self.moves = {}, {}

    def may_appear(self, source, port):
        """Whether a frame of this source at this port keeps it below the limit of moves; notes it if so."""
        now = time.monotonic()
        recent = [when for when in self.moves.get(source, []) if now - when < 1.2]
        if self.port.get(source) != port:
            if len(recent) >= 4:
                return False
            self.port[source], self.moves[source] = port, recent + [now]
        return True


def random_frame(chance, number):
    stations = [frames.mac(f"02:aa:00:00:00:{n:02x}") for n in range(STATIONS)]
    own = [frames.mac(port_mac(chance.randrange(PORTS))), frames.mac("02:90:00:00:00:ff")]
    groups = [frames.mac(text) for text in ("01:00:5e:00:00:01", "01:00:5e:01:02:03", "33:33:00:00:00:01",
                                            "01:80:c2:00:00:21", "ab:cd:ef:00:00:01")]
    link_local = frames.mac(f"01:80:c2:00:00:{chance.randrange(16):02x}")
    destination = chance.choices([chance.choice(stations), frames.BROADCAST, chance.choice(groups), link_local,
                                  chance.choice(own)], [60, 12, 15, 6, 7])[0]
    source = chance.choices([chance.choice(stations), chance.choice(own), chance.choice(groups), bytes(6)],
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
    kind = chance.choices(("flag", "flush", "static", "rejoin"), (75, 8, 12, 5))[0]
    if kind == "flag":
        flag, on = chance.choice(FLAGS), chance.random() < 0.5
        for switch in switches:
            switch.flag(port, flag, on)
        return f"port {port} {flag} {'on' if on else 'off'}"
    if kind == "static":
        mac = f"02:aa:00:00:00:{chance.randrange(STATIONS):02x}"
        if mac in statics:
            verb, port = "del", statics.pop(mac)
        else:
            verb, statics[mac] = "replace", port
        for switch in switches:
            switch.static(port, verb, mac)
        return f"static {verb} {mac} port {port}"
    for switch in switches:
        switch.flush(port) if kind == "flush" else switch.leave_and_join(port)
    if kind == "rejoin":
        for mac in [mac for mac, where in statics.items() if where == port]:
            del statics[mac]
    return f"port {port} {kind}"


def about(history, mac):
    """The frames and changes of a history that name an address, or that concern whole ports."""
    return "; ".join(line for line in history
                     if mac.hex() in line or frames.mac_text(mac) in line or line.endswith(("flush", "rejoin")))


def compare(place, chance):
    """A random sequence of frames and changes through both: the same frames out by the same ports, the same FDB."""
    linux = LinuxBridge(place)
    weft = WeftBridge(place, settle=0.004 if "," in place.workers else 0)
    history, statics, stations = [], {}, Stations()
    for number in range(FRAMES):
        if chance.random() < 0.12:
            history.append(random_change(chance, (linux, weft), statics))
        port, data = chance.randrange(PORTS), random_frame(chance, number)
        while not stations.may_appear(data[6:12], port):
            time.sleep(0.01)
            port, data = chance.randrange(PORTS), random_frame(chance, number)
        history.append(f"port {port} gets {data[:26].hex()} ({len(data)} bytes)")
        wanted, got = linux.step(port, data), weft.step(port, data)
        lab.check(got == wanted, f"frame {number}: Linux sends {show(wanted)}; weft sends {show(got)}; what "
                  f"concerned its destination: {about(history, data[:6])}")
    lab.equal(weft.learned(), linux.learned(), "learned addresses at the end")
