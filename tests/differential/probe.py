"""A switch under comparison, seen from its wires: one frame in, which frames come out where.

No time-outs decide: after each frame its ingress port sends a sentinel to the control port, so the frame has been
switched; then the control port sends one to every port, so whatever left by a port was sent before. Sentinels are
unicasts to static FDB entries, which no flag under test keeps back. The control port is the last one, takes part as
an ordinary port, but its flags and VLANs are never changed.

Where several workers switch, each sentinel is sent a second time when it has arrived. The first may overtake copies of
the frame that go to another worker's queue; but a worker receives the second in a later round than the first, and ends
a round by handing over and sending all that it had. What the test itself sends keeps its order because it stays on one
CPU: a veth device queues by the CPU that sends.
"""

import contextlib
import os
import struct

import frames
import lab

SENTINEL = 0x88B6


def station(port):
    """The MAC address behind a port to which sentinels go."""
    return frames.mac(f"02:5e:00:00:00:{port:02x}")


@contextlib.contextmanager
def on_one_cpu():
    """The test's thread stays on one CPU."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def port_mac(port):
    """The MAC address of the port itself: the same at every switch under comparison."""
    return f"02:90:00:00:00:{port:02x}"


class Probe:
    """The far ends e0, e1, … of a switch's devices p0, p1, …, in a namespace of their own."""

    def __init__(self, place, role, ports, workers=1):
        self.place, self.ports, self.control, self.passes = place, ports, ports - 1, min(workers, 2)
        self.inside = place.switch if role == "weft" else place.namespace(role)
        self.outside = place.namespace(f"{role}-out")
        for namespace in (self.inside, self.outside):
            namespace.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self.wires = []
        for port in range(ports):
            self.inside.ip("link", "add", f"p{port}", "address", port_mac(port), "type", "veth", "peer", "name",
                           f"e{port}", "netns", self.outside.name)
            self.outside.ip("link", "set", f"e{port}", "arp", "off", "up")
            self.inside.ip("link", "set", f"p{port}", "up")
            self.wires.append(self.outside.wire(f"e{port}"))
        place.wires += self.wires
        self.serial = 0

    def vid_of(self, port):
        """How a sentinel to or from a port is tagged there: (tags at the port, tags at the control port)."""
        return b"", b""

    def _await(self, port, wanted, what):
        """Reads a port's frames up to a sentinel; returns those before it."""
        found = []

        def stop(data):
            if data[-8:] == wanted:
                return True
            if data[12:14] != struct.pack("!H", SENTINEL) and b"frame" in data:
                found.append(data)
            return False

        lab.check(self.wires[port].wait(stop, 10), f"{self.inside.name}: the sentinel {what} did not arrive")
        return found

    def _sentinel(self, source, destination, tags):
        self.serial += 1
        mark = struct.pack("!4sI", b"mark", self.serial)
        data = frames.frame(station(destination), station(source), SENTINEL, tags=tags)
        self.wires[source].send(data[:-8] + mark)
        return mark

    def step(self, port, data):
        """Sends a frame (with the word "frame" in its payload) by a port; returns {port: frames that came out}."""
        out = {number: [] for number in range(self.ports)}
        self.wires[port].send(data)
        for _ in range(self.passes if port != self.control else 0):
            mark = self._sentinel(port, self.control, self.vid_of(port)[0])
            out[self.control] += self._await(self.control, mark, f"from port {port}")
        for _ in range(self.passes):
            marks = {number: self._sentinel(self.control, number, self.vid_of(number)[1])
                     for number in range(self.ports) if number != self.control}
            for number, mark in marks.items():
                out[number] += self._await(number, mark, f"to port {number}")
        if port == self.control:
            out[self.control] += [got for got in self.wires[port].drain() if b"frame" in got]
        return {number: sorted(got) for number, got in out.items() if got}


def show(out):
    return ", ".join(f"port {number}: {' '.join(data[:26].hex() for data in got)}" for number, got in out.items()) \
        or "nothing"


def about(history, mac):
    """The frames and changes of a history that name an address, or that concern whole ports."""
    return "; ".join(line for line in history
                     if mac.hex() in line or mac.hex(":") in line or line.endswith(("flush", "rejoin")))
