"""An 802.1ad bridge: weft against Open vSwitch with dot1q-tunnel ports for customers and trunks for providers.

Known differences, left out of the sequences, because there weft does what Linux does:
- a service tag at a customer port, of VID 0 or the port's own: Linux takes it for the bridge's tag, OVS for a customer's;
- a customer's tag, or none, at a provider port: to Linux untagged, OVS takes an 802.1Q tag for a service tag;
- three tags: to Linux all but the outermost are payload, OVS loses one.
"""

import struct

import frames
import lab
import vlan
from probe import about, on_one_cpu, show
from stations import Stations

SERVICES = (100, 200, 300)
FRAMES = 300


class Customer(vlan.PortVlans):
    def __init__(self, vid):
        super().__init__(vid, True, ())

    def ovs(self):
        return ["vlan_mode=dot1q-tunnel", f"tag={self.pvid}", "other_config:qinq-ethtype=802.1ad"]


class Provider(vlan.PortVlans):
    def __init__(self, vids):
        super().__init__(0, False, vids)

    def ovs(self):
        return [*super().ovs(), "other_config:qinq-ethtype=802.1ad"]


class Ovs(vlan.Ovs):
    TPID, SETTINGS = frames.SERVICE, ("other_config:vlan-limit=2",)


class Weft(vlan.Weft):
    TPID, OPTIONS = frames.SERVICE, "vlan_protocol 802.1ad"


def random_frame(chance, ports, source, port, number):
    destination = chance.choices([chance.choice(vlan.STATIONS), frames.BROADCAST, frames.mac("01:00:5e:01:02:03")],
                                 [70, 15, 15])[0]
    customer = chance.choice((b"", frames.tag(7, chance.randrange(8)), frames.tag(100, 3)))
    service = b"" if ports[port].pvid else frames.tag(chance.choice((*SERVICES, 400)), chance.randrange(8),
                                                     tpid=frames.SERVICE)
    tags = service + customer
    return frames.frame(destination, source, 0x0900, b"frame" + struct.pack("!I", number), tags,
                        chance.choice((60, 200, 1490)) + len(tags))


def compare(place, chance):
    """A random sequence of frames between customers and providers: the same frames out by the same ports."""
    ports = [Customer(chance.choice(SERVICES)) for _ in range(3)] + [
        Provider(chance.sample(SERVICES, 2)), Provider(SERVICES), Provider(SERVICES)]
    ovs, weft = Ovs(place, ports), Weft(place, ports)
    history, stations = [], Stations(chance, vlan.STATIONS)
    with on_one_cpu():
        for number in range(FRAMES):
            port = chance.randrange(len(ports))
            source = stations.choose(port)
            data = random_frame(chance, ports, source, port, number)
            stations.appear(source, port)
            history.append(f"port {port} gets {data[:26].hex()} ({len(data)} bytes)")
            wanted, got = ovs.step(port, data), weft.step(port, data)
            lab.check(got == wanted, f"frame {number}: OVS sends {show(wanted)}; weft sends {show(got)}; ports: "
                      + "; ".join(f"{n} {one}" for n, one in enumerate(ports))
                      + f"; what concerned its destination: {about(history, data[:6])}")
