"""The two routers under the same rules and packets: a namespace of the kernel's, and weft."""

import json
import os
import select
import socket
import struct
import subprocess
import time

import filter_scene as scene
import frames
import lab
from route import SETTINGS

QUIET = 0.05  # seconds that a packet's late answers may take before the difference is believed
PROGRAMS = {False: "iptables", True: "ip6tables"}


TIMESTAMP_REPLY = 14


def comparable(data):
    """A frame without what the two sides choose each for itself: the identification of IPv4 packets of the router's own,
    the time of day in its answers to who asks for it, and the identification of IPv6 fragments, which Linux draws anew when
    it has put them together for connection tracking."""
    if data[12:14] == b"\x08\0" and data[26:30] in scene.OWN and frames.checksum(data[14:34]) == 0:
        data = data[:18] + b"\0\0" + data[20:24] + b"\0\0" + data[26:]
        if data[23] == 1 and data[34] == TIMESTAMP_REPLY and frames.checksum(data[34:54]) == 0:
            data = data[:36] + b"\0\0" + data[38:46] + bytes(8) + data[54:]
    if data[12:14] == b"\x86\xdd" and data[20] == 44:
        data = data[:58] + bytes(4) + data[62:]
    return data


def of_the_host(data):
    """Neighbour discovery and reports of groups, which each host sends in its own time."""
    return data[12:14] == b"\x86\xdd" and (data[20] == 58 and 133 <= data[54] <= 137 or data[20] == 0 and data[54] == 58)


def for_the_host(data):
    return data[30:34] in scene.OWN or data[38:54] in scene.OWN


def sentinel(port, serial):
    """An ARP request from a station; the answer comes to the hardware address in it, which nobody has."""
    mac = struct.pack("!HI", 0x02AA, serial)
    number = scene.STATIONS[0]
    body = frames.arp_request(mac, scene.station_address(False, port, number), scene.station_address(False, port, 1))
    return mac, frames.frame(frames.mac(scene.port_mac(port)), mac, frames.ARP, body)


class Side:
    """A router of three devices and the wires behind them."""

    def __init__(self, place, role):
        self.role = role
        self.inside = place.switch if role == "weft" else place.namespace(role)
        self.outside = place.namespace(f"{role}-out")
        self.outside.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self.wires, self.serial = [], 0
        for port, device in enumerate(scene.DEVICES):
            name = device if role != "weft" else f"p-{device}"
            self.inside.ip("link", "add", name, "address", scene.port_mac(port), "type", "veth", "peer", "name", f"e-{device}",
                           "netns", self.outside.name)
            self.outside.ip("link", "set", f"e-{device}", "arp", "off", "up")
            for namespace, end in ((self.outside, f"e-{device}"), (self.inside, name)):
                namespace.run("ethtool", "-K", end, "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off")
            self.wires.append(self.outside.wire(f"e-{device}"))
        place.wires += self.wires

    def configure(self):
        settings = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1, "net.ipv6.auto_flowlabels": 0,
                    "net.ipv4.conf.all.send_redirects": 0, "net.ipv4.conf.all.rp_filter": 0, **SETTINGS}
        for device in scene.DEVICES:
            settings[f"net.ipv4.conf.{device}.send_redirects"] = settings[f"net.ipv4.conf.{device}.rp_filter"] = 0
        for name, value in settings.items():
            self.inside.sysctl(name, value)
        lines = []
        for port, device in enumerate(scene.DEVICES):
            lines += [f"link set {device} up", f"addr add 10.0.{port}.1/24 dev {device}", f"addr add 2001:db8:{port}::1/64 dev {device} nodad"]
            lines += [f"neigh add {scene.station_address(v6, port, number)} lladdr {scene.station_mac(port, number)} nud permanent dev {device}"
                      for v6 in (False, True) for number in scene.STATIONS]
        self.batch(lines)
        for v6, line in scene.routes():
            self.batch([line.removeprefix("-6 ")], *(["-6"] if v6 else []))

    def comparable(self, data):
        return comparable(data)

    def batch(self, lines, *options):
        lab.run("ip", "-n", self.inside.name, *options, "-batch", "-", input="\n".join(lines) + "\n")

    def call(self, *words, status=0, **how):
        """Runs a program in the router's namespace."""
        with frames.Inside(self.inside.name):
            done = subprocess.run(words, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **how)
        lab.check(status is None or done.returncode == status, f"{self.role}: `{' '.join(words)}` ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def read(self, found):
        """Puts what waits on the wires into `found`, [(port, frame)]; returns sentinels' answers."""
        marks = []
        for port, wire in enumerate(self.wires):
            for data in wire.drain():
                if data[12:14] == b"\x08\x06":
                    marks.append(data[:6])
                elif not of_the_host(data):
                    found.append((port, self.comparable(data)))
        return marks

    def wait(self, seconds):
        return select.select([wire.socket for wire in self.wires], [], [], max(seconds, 0))[0]

    def settle(self, port, found, seconds=5):
        """Until a sentinel has gone the way of what was sent before it: in, to the host, and out again."""
        self.serial += 1
        mac, data = sentinel(port, self.serial)
        self.wires[port].send(data)
        end = time.monotonic() + seconds
        while mac not in self.read(found):
            lab.check(time.monotonic() < end, f"{self.role}: the sentinel at port {port} was not answered")
            self.wait(0.1)


class Linux(Side):
    def __init__(self, place, role="linux"):
        super().__init__(place, role)
        self.environment = {**os.environ, "XTABLES_LOCKFILE": os.path.join(place.folder, "xtables.lock")}

    def restore(self, v6, text):
        self.call(f"{PROGRAMS[v6]}-legacy-restore", input=text, env=self.environment)

    def save(self, v6):
        return self.call(f"{PROGRAMS[v6]}-legacy-save", "-c", env=self.environment)

    def flush(self):
        """All connections, by ctnetlink's delete without a tuple, and what it was told of paths' MTU."""
        self.inside.ip("route", "flush", "cache"), self.inside.ip("-6", "route", "flush", "cache")
        with frames.Inside(self.inside.name):
            with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:  # NETLINK_NETFILTER
                netlink.send(struct.pack("=IHHII", 20, 1 << 8 | 2, 1 | 4, 1, 0) + struct.pack("=BBH", 0, 0, 0))
                netlink.recv(4096)

    def connections(self, v6):
        return self.call("conntrack", "-L", "-f", "ipv6" if v6 else "ipv4")

    def step(self, port, data):
        """What comes out for a frame. The test's CPU does all of it, in the order in which it was sent."""
        found = []
        self.wires[port].send(data)
        self.settle(port, found)
        return sorted(found)


class Weft(Side):
    tables = ("raw", "mangle", "filter", "security")

    def __init__(self, place, workers):
        super().__init__(place, "weft")
        self.passes = min(workers, 2)
        place.weftd("".join(f"port add {device} up type af_packet dev p-{device}\n" for device in scene.DEVICES)
                    + "".join(f"sysctl -w {name}={value}\n" for name, value in (*SETTINGS.items(), ("net.ipv4.conf.all.send_redirects", 0)))
                    + "".join(f"sysctl -w net.ipv4.conf.{device}.send_redirects=0\n" for device in scene.DEVICES))
        self.link = socket.socket(socket.AF_UNIX)
        self.link.settimeout(30)
        self.link.connect(place.socket)
        self.answers = self.link.makefile("r")

    def tell(self, *words, stdin=""):
        self.link.sendall(json.dumps({"argv": words, "stdin": stdin}).encode() + b"\n")
        line = self.answers.readline()
        lab.check(line, f"weftd closed the connection at `{' '.join(words)}`")
        answer = json.loads(line)
        lab.check(answer["ok"], f"weft refuses `{' '.join(words)}`: {answer}")
        return answer.get("text", "")

    def restore(self, v6, text):
        """Anew also if they are the rules that there are: with limits that nothing has used up."""
        for part in ("".join(f"*{table}\nCOMMIT\n" for table in self.tables), text):
            self.tell(f"{PROGRAMS[v6]}-restore", stdin=part)

    def save(self, v6):
        return self.tell(f"{PROGRAMS[v6]}-save", "-c")

    def flush(self):
        self.tell("conntrack", "-F")

    def connections(self, v6):
        return self.tell("conntrack", "-L", "-f", "ipv6" if v6 else "ipv4")

    def step(self, port, data, wanted, patient=False):
        """What comes out for a frame: as soon as it is what is wanted, else when nothing more comes."""
        self.wires[port].send(data)
        # What the host answers may go by another device's TAP, and be dropped there.
        others = [other for other in range(len(self.wires)) if other != port] if for_the_host(data) else []
        return self.watch((port, *others), wanted.__eq__ if wanted else None, lambda found: found == wanted, patient)

    def watch(self, ports, at_once, enough, patient=False):
        """What comes out: as soon as at_once(it) is true, if it is asked; else when nothing more comes by the way of what
        went into these ports and enough(it) is true, or it is late."""
        found = []
        end = time.monotonic() + QUIET
        if at_once and not patient:
            while not at_once(sorted(found)) and time.monotonic() < end:
                self.wait(end - time.monotonic())
                self.read(found)
            if at_once(sorted(found)):
                return sorted(found)
        for one in ports:
            for _ in range(self.passes):
                self.settle(one, found)
        end = time.monotonic() + QUIET
        while (patient or not enough(sorted(found))) and time.monotonic() < end:
            self.wait(end - time.monotonic())
            self.read(found)
        return sorted(found)
