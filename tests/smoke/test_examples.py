"""Every example in conf/examples is valid and works as its first lines say."""

import os
import re

from lab import TOP, WEFT, equal, run

EXAMPLES = os.path.join(TOP, "conf/examples")


def read(name):
    with open(os.path.join(EXAMPLES, name)) as file:
        return file.read()


def start(lab, name, *addresses):
    """Starts weftd on an example; its devices are veths to hosts with these addresses."""
    text = read(name)
    hosts = []
    for device, address in zip(re.findall(r"^port add .* af_packet dev (\S+)", text, re.MULTILINE), addresses):
        role = device.removeprefix("veth-")
        hosts.append(lab.host(role, address))
        lab.switch.ip("link", "set", f"v{role}", "name", device)
    lab.weftd(text)
    return hosts


def test_all_are_valid(lab):
    """`weft -c` accepts each file, without a daemon."""
    names = sorted(os.listdir(EXAMPLES))
    equal(names, ["bridge.conf", "tap-port.conf", "tapdump", "vlan.conf"], "examples (each needs a test of its own)")
    for name in names:
        if not name.endswith(".conf"):
            continue
        run(WEFT, "-c", os.path.join(EXAMPLES, name))
    run(WEFT, "-c", os.path.join(TOP, "conf/demo.conf"))


def test_bridge(lab):
    """bridge.conf: three hosts and the kernel in one network."""
    a, b, c = start(lab, "bridge.conf", "192.168.1.11/24", "192.168.1.12/24", "192.168.1.13/24")
    for address in ("192.168.1.12", "192.168.1.13", "192.168.1.1"):
        a.reaches(address)
    b.reaches("192.168.1.13")


def test_vlan(lab):
    """vlan.conf: two networks on access ports, both on the trunk, the kernel in one."""
    office, guest, _ = start(lab, "vlan.conf", "192.168.10.11/24", "192.168.20.11/24", "192.168.10.12/24")
    lab.start(lab.namespaces["trunk"], "python3", os.path.join(TOP, "conf/trunk-host"), "eth0", "answer",
              "10=192.168.10.13", "20=192.168.20.13")
    office.reaches("192.168.10.13")
    office.reaches("192.168.10.1")
    guest.reaches("192.168.20.13")
    guest.ip("addr", "add", "192.168.10.99/24", "dev", "eth0")
    equal(guest.ping("192.168.10.11", 2, 0.2), 0, "answers across VLANs")


def test_tap_port(lab):
    """tap-port.conf: a TAP for a guest beside a device."""
    host, = start(lab, "tap-port.conf", "192.168.1.11/24")
    lab.switch.ip("addr", "add", "192.168.1.12/24", "dev", "guest0")
    lab.switch.ip("link", "set", "guest0", "up")
    host.reaches("192.168.1.12")
