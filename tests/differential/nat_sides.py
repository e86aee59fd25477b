"""The routers of the rule sets that translate: with programs of their own, and frames that keep what was sent."""

import select
import socket
import struct

import filter_scene as scene
import frames
import nat_fields as fields
from filter_sides import Linux, Weft, for_the_host
from nat_packets import HOST, Speak, public_address


class Speaking:
    """A router on which programs send datagrams."""

    sockets, identification = {}, None

    def configure(self):
        """With neighbours wherever NETMAP may lead. What no route leads to Linux tells of only now and then (ip_error), so
        it is told to tell nothing; redirects of IPv6 need an address that is flushed."""
        super().configure()
        self.batch([f"addr flush dev {device} scope link" for device in scene.DEVICES], "-6")
        self.batch([f"route add blackhole {public_address(False, 0)}/24"])
        self.batch([f"neigh add {scene.station_address(v6, port, number)} lladdr {scene.station_mac(port, number)} nud permanent dev {device}"
                    for port, device in enumerate(scene.DEVICES) for v6 in (False, True) for number in range(10, 64)])

    def open(self, case):
        """A program for each of the router's own conversations."""
        for one in self.sockets.values():
            one.close()
        self.sockets = {}
        for number in case.own:
            with frames.Inside(self.inside.name):
                made = socket.socket(socket.AF_INET6 if case.v6 else socket.AF_INET, socket.SOCK_DGRAM)
            made.bind(("::" if case.v6 else "0.0.0.0", number))
            made.setblocking(False)
            self.sockets[number] = made

    def comparable(self, data):
        """Without what the two sides choose each for itself: the identification of what the router's programs and its
        kernel send, and of IPv6 fragments, which Linux draws anew when it has put them together for connection tracking."""
        if fields.identification(data) not in (None, self.identification):
            return fields.without_identification(data)
        return data[:58] + bytes(4) + data[62:] if data[12:14] == b"\x86\xdd" and data[20] == 44 else data

    def act(self, sent):
        if isinstance(sent, Speak):
            self.identification = None
            try:
                self.sockets[sent.number].sendto(sent.data, (sent.to.address, sent.to_port))
            except OSError:
                pass  # what it was told of an earlier one
        else:
            self.identification = fields.identification(sent.data)
            self.wires[sent.port].send(sent.data)

    def read(self, found):
        """Also what programs hear, as frames of their own."""
        marks = super().read(found)
        for number, one in self.sockets.items():
            while True:
                try:
                    data, (address, port, *_) = one.recvfrom(4096)
                except BlockingIOError:
                    break
                except OSError:
                    data, address, port = b"told of an error", "::" if one.family == socket.AF_INET6 else "0.0.0.0", 0
                v6 = one.family == socket.AF_INET6
                body = struct.pack("!HHHH", port, number, 8 + len(data), 0) + data
                l3 = scene.ip(scene.End(v6, 0, address), scene.End(v6, 0, "::" if v6 else "0.0.0.0"), 17, body, 0)
                found.append((HOST, scene.frame(0, scene.port_mac(0), l3)))
        return marks

    def wait(self, seconds):
        return select.select([wire.socket for wire in self.wires] + list(self.sockets.values()), [], [], max(seconds, 0))[0]


class NatLinux(Speaking, Linux):
    def step(self, sent):
        found = []
        self.act(sent)
        self.settle(sent.port, found)
        self.read(found)
        return sorted(found)

    # The kernel beside itself takes this for what weft's does.
    def watch(self, sent, same, something, patient):
        return self.step(sent)

    def looped(self):
        return 0

    def connections(self, v6):
        return self.listed(v6, lambda *words: self.call("conntrack", "-L", *words))

    def listed(self, v6, ask):
        """All, and again which of them have a source or a destination translated."""
        return "".join(f"{word or 'all'} {line}\n" for word in ("", "--src-nat", "--dst-nat")
                       for line in ask("-f", "ipv6" if v6 else "ipv4", *([word] if word else [])).splitlines())


class NatWeft(Speaking, Weft):
    tables = (*Weft.tables, "nat")
    listed = NatLinux.listed

    def watch(self, sent, same, something, patient):
        self.act(sent)
        own = isinstance(sent, Speak) or for_the_host(sent.data)
        ports = [sent.port, *(port for port in range(len(self.wires)) if own and port != sent.port)]
        return super().watch(ports, same if something else None, same, patient)

    def looped(self):
        """Packets that it was to send to itself, which it drops by this name."""
        lines = self.tell("show", "drops").splitlines()
        return sum(int(words[2]) for words in map(str.split, lines) if words[1:2] == ["nat/to_host"])

    def connections(self, v6):
        return self.listed(v6, lambda *words: self.tell("conntrack", "-L", *words))
