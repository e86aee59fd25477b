"""`ip tuntap`: devices whose far end is a program on /dev/net/tun."""

import contextlib
import socket
import struct

import frames
from lab import check, equal, port_line, stateful, wait_for
from test_lifecycle import nothing_left
from test_route import A6, forwarded, router
from tuntap import Program, tcp_checksum_good, unfinished_tcp

TAP = "ip tuntap add dev tap0 mode tap\nip link set dev tap0 up\n"
TUN = "ip tuntap add dev tun0 mode tun\nip link set dev tun0 up\nip addr add 10.3.0.1/24 dev tun0\n"
PROGRAM, HOST = frames.mac("02:cc:00:00:00:01"), "02:aa:00:00:00:01"


@contextlib.contextmanager
def program(lab, device, **how):
    made = Program(lab.switch, device, **how)
    try:
        yield made
    finally:
        made.close()


def carrier(lab, device):
    return "LOWER_UP" in lab.json("ip", "link", "show", "dev", device)[0]["flags"]


def bridged(lab):
    a = lab.host("a", "10.0.0.1/24")
    lab.weftd(port_line("a") + TAP + "ip link add br0 up type bridge\nip link set a master br0\nip link set tap0 master br0\n")
    return a


def arp_answer(request, mac):
    """The answer to an ARP request (a whole frame)."""
    sender_mac, sender, target = request[22:28], request[28:32], request[38:42]
    body = struct.pack("!HHBBH6s4s6s4s", 1, frames.IPV4, 6, 4, 2, mac, target, sender_mac, sender)
    return frames.frame(sender_mac, mac, frames.ARP, body)


def is_arp_for(address):
    return lambda data: data[12:14] == b"\x08\x06" and data[20:22] == b"\0\1" and data[38:42] == socket.inet_aton(address)


@stateful
def test_bridge_member(lab):
    """A program and a host in one bridge: frames pass both ways as they are, the host's address is learned."""
    a = bridged(lab)
    wire = lab.wire("a")
    with program(lab, "tap0") as tap:
        wait_for(lambda: carrier(lab, "tap0"), "carrier of an open device")
        sent = frames.frame(frames.BROADCAST, PROGRAM, payload=b"from the program", tags=frames.tag(7, 3))
        tap.send(sent)
        equal(wire.wait(lambda data: b"from the program" in data), sent, "what the host got")
        equal(lab.learned().get("02:cc:00:00:00:01"), "tap0", "where the program was learned")
        answer = frames.frame(PROGRAM, frames.mac(HOST), payload=b"from the host", size=1514)
        wire.send(answer)
        equal(tap.wait(lambda data: b"from the host" in data), answer, "what the program got")
        tap.send(frames.frame(frames.BROADCAST, PROGRAM, frames.ARP, frames.arp_request(PROGRAM, "10.0.0.7", "10.0.0.1")))
        equal((tap.wait(lambda data: data[12:14] == b"\x08\x06" and data[20:22] == b"\0\2") or b"")[28:32],
              socket.inet_aton("10.0.0.1"), "the host's answer")
        equal(len(tap.collect(0.2, lambda data: data[6:12] == PROGRAM)), 0, "frames that came back")
    equal(a.ping("10.0.0.9", 1), 0, "answers")


@stateful
def test_member_is_not_the_kernels(lab):
    """Of a bridge member nothing but link-local groups goes to the kernel: no answer from its own stack."""
    bridged(lab)
    lab.switch.ip("addr", "add", "10.0.0.254/24", "dev", "br0")
    device = lab.switch.link("tap0")
    with program(lab, "tap0") as tap:
        wait_for(lambda: carrier(lab, "tap0"), "carrier of an open device")
        tap.send(frames.frame(frames.BROADCAST, PROGRAM, frames.ARP, frames.arp_request(PROGRAM, "10.0.0.7", "10.0.0.254")))
        answers = tap.collect(0.4, lambda data: data[12:14] == b"\x08\x06" and data[20:22] == b"\0\2")
        equal([frames.mac_text(data[6:12]) for data in answers], [lab.switch.link("br0")["address"]], "who answered")
        before = lab.switch.link("tap0")["stats64"]["rx"]["packets"]
        tap.send(frames.frame(frames.mac("01:80:c2:00:00:0e"), PROGRAM, 0x88CC, b"lldp"))
        wait_for(lambda: lab.switch.link("tap0")["stats64"]["rx"]["packets"] > before, "LLDP arrives at the device")
    equal(device["linkinfo"]["info_kind"], "tun", "kind of the device")


@stateful
def test_routed(lab):
    """With an address and no bridge the host itself answers on the device, once, and nothing is forwarded."""
    lab.weftd(TAP + "ip addr add 10.2.0.1/24 dev tap0\n")
    lab.switch.sysctl("net.ipv4.ip_forward", 1)
    lab.switch.ip("addr", "add", "10.9.9.1/24", "dev", "lo")
    with program(lab, "tap0") as tap:
        wait_for(lambda: carrier(lab, "tap0"), "carrier of an open device")
        own = frames.mac(lab.switch.link("tap0")["address"])
        equal(lab.json("ip", "link", "show", "tap0")[0]["address"], frames.mac_text(own), "address shown")
        tap.send(frames.frame(frames.BROADCAST, PROGRAM, frames.ARP, frames.arp_request(PROGRAM, "10.2.0.7", "10.2.0.1")))
        answers = tap.collect(0.3, lambda data: data[12:14] == b"\x08\x06" and data[20:22] == b"\0\2")
        equal([data[6:12] for data in answers], [own], "answers")
        tap.send(frames.frame(own, PROGRAM, frames.IPV4, frames.echo_request("10.2.0.7", "10.2.0.1")))
        echo = tap.collect(0.3, lambda data: data[12:14] == b"\x08\0" and data[23] == 1)
        equal(len(echo), 1, "echo answers")
        # for a host elsewhere, through us: weft's to route, not the kernel's
        lab.switch.ip("route", "add", "10.8.0.0/24", "via", "10.2.0.9", "dev", "tap0")
        tap.send(frames.frame(own, PROGRAM, frames.IPV4, frames.echo_request("10.2.0.7", "10.8.0.1")))
        equal(tap.collect(0.3, is_arp_for("10.2.0.9")), [], "what the kernel forwarded")


def udp_to(source, destination, port, payload):
    return frames.ipv4(source, destination, 17, struct.pack("!HHHH", 1000, port, 8 + len(payload), 0) + payload)


def test_rules_of_input(lab):
    """INPUT does not see what the kernel takes from a program, which is said and not counted; by a member's link-local
    groups no IP comes to the host past the rules."""
    lab.weftd(TAP + "ip addr add 10.2.0.1/24 dev tap0\nip tuntap add dev tap1 mode tap\nip link set tap1 up\n"
              "ip link add br0 up type bridge\nip link set tap1 master br0\nip addr add 10.3.0.1/24 dev br0\n")
    with lab.connect() as ask:
        said = ask("iptables", "-P", "INPUT", "DROP")["warnings"]
        equal([line.split(":")[0] for line in said], ["tap0"], "devices that are named")
        check("neither INPUT nor OUTPUT" in said[0], said)
        equal(ask("iptables", "-A", "INPUT", "-j", "DROP").get("warnings", []), [], "what is said a second time")
    wait_for(lambda: any(said[0] in line for line in lab.daemons[0].log), "the line in the daemon's log")
    with frames.Inside(lab.switch.name):
        host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with host, program(lab, "tap0") as routed, program(lab, "tap1") as member:
        host.bind(("0.0.0.0", 9999))
        host.settimeout(2)
        for device in ("tap0", "tap1"):
            wait_for(lambda: carrier(lab, device), "carrier of an open device")
        for tags in (b"", frames.tag(0, 0), frames.tag(0, 0) * 2):
            for last in (0x03, 0x0E):
                member.send(frames.frame(frames.mac(f"01:80:c2:00:00:{last:02x}"), PROGRAM, frames.IPV4,
                                         udp_to("10.3.0.7", "10.3.0.1", 9999, b"by a group"), tags=tags))
        bridge = frames.mac(lab.switch.link("br0")["address"])
        member.send(frames.frame(bridge, PROGRAM, frames.IPV4, udp_to("10.3.0.7", "10.3.0.1", 9999, b"bridged")))
        wait_for(lambda: lab.drops("hook/dropped") > 0, "the drop of what came by the bridge")
        own, before = frames.mac(lab.switch.link("tap0")["address"]), lab.drops("hook/dropped")
        routed.send(frames.frame(own, PROGRAM, frames.IPV4, udp_to("10.2.0.7", "10.2.0.1", 9999, b"routed")))
        equal(host.recv(100), b"routed", "what the host gets first")
        host.settimeout(0.2)
        try:
            check(False, f"the host got {host.recv(100)} past its rules")
        except TimeoutError:
            pass
        equal(lab.drops("hook/dropped"), before, "drops counted of what the kernel has taken")


@stateful
def test_program_comes_and_goes(lab):
    """The carrier follows whether a program has the device open; it may close and open again."""
    bridged(lab)
    wire = lab.wire("a")
    check(not carrier(lab, "tap0"), "a carrier without a program")
    for turn in range(3):
        with program(lab, "tap0") as tap:
            wait_for(lambda: carrier(lab, "tap0"), "carrier of an open device")
            text = b"turn %d" % turn
            tap.send(frames.frame(frames.BROADCAST, PROGRAM, payload=text))
            check(wire.wait(lambda data: text in data), f"no frame in turn {turn}")
        wait_for(lambda: not carrier(lab, "tap0"), "no carrier of a closed device")
    check(lab.switch.link("tap0"), "the device went with its program")


def test_clean_end(lab):
    """SIGTERM removes the devices, also those that a program has open, with their nftables tables."""
    lab.weftd(TAP + TUN)
    with program(lab, "tap0"):
        lab.daemons[0].terminate(2)
        nothing_left(lab)


@stateful
def test_adoption(lab):
    """After kill -9 the devices stay as they are, the programs go on; the next weftd takes them over."""
    lab.host("a", "10.0.0.1/24")
    config = (port_line("a") + TAP + TUN + "ip link add br0 up type bridge\nip link set a master br0\n"
              "ip link set tap0 master br0\n")
    lab.weftd(config)
    lab.switch.ip("route", "add", "10.77.0.0/24", "via", "10.3.0.2")
    wire = lab.wire("a")
    with program(lab, "tap0") as tap, program(lab, "tun0", tun=True):
        wait_for(lambda: carrier(lab, "tap0"), "carrier of an open device")
        before = {name: lab.switch.link(name)["ifindex"] for name in ("tap0", "tun0")}
        lab.daemons[0].kill()
        lab.weftd(config)
        equal({name: lab.switch.link(name)["ifindex"] for name in before}, before, "devices after the restart")
        check("10.77.0.0/24" in lab.switch.ip("route"), "a route over the device is gone")
        wait_for(lambda: carrier(lab, "tap0"), "carrier after the restart")
        tap.send(frames.frame(frames.BROADCAST, PROGRAM, payload=b"still here"))
        check(wire.wait(lambda data: b"still here" in data), "the program's frame after the restart")
        lab.daemons[1].kill()
        # what the configuration does not name any more goes, though a program has it open
        lab.weftd(port_line("a"))
        equal(sorted(lab.switch.links()), ["a", "va"], "devices that are left")
        check("tuntap" not in lab.switch.run("nft", "list", "tables"), "tables that are left")


def test_clean(lab):
    """`weft stop --keep` leaves the devices and their tables, `weftd --clean` removes them though a program is there."""
    lab.weftd(TAP + TUN)
    with program(lab, "tap0"):
        lab.weft("stop", "--keep")
        equal(lab.daemons[0].wait(2), 0, "exit status")
        equal(sorted(lab.switch.links()), ["tap0", "tun0"], "devices kept")
        equal(lab.weftd(None, "--clean", wait=False).wait(5), 0, "exit status of --clean")
        equal(lab.switch.links(), [], "devices after --clean")
        equal(lab.switch.run("nft", "list", "ruleset"), "", "rules after --clean")


@stateful
def test_multi_queue(lab):
    """A program with several queues: each of them sends, and gets what the kernel's hash gives it."""
    a = lab.host("a", "10.0.0.1/24")
    lab.weftd(port_line("a") + "ip tuntap add dev tap0 mode tap multi_queue\nip link set dev tap0 up\n"
              "ip link add br0 up type bridge\nip link set a master br0\nip link set tap0 master br0\n")
    wire = lab.wire("a")
    with program(lab, "tap0", multi_queue=True) as one, program(lab, "tap0", multi_queue=True) as two:
        wait_for(lambda: carrier(lab, "tap0"), "carrier of an open device")
        for queue, text in ((one, b"queue one"), (two, b"queue two")):
            queue.send(frames.frame(frames.BROADCAST, PROGRAM, payload=text))
            check(wire.wait(lambda data: text in data), f"no frame of {text.decode()}")
    equal(a.ping("10.0.0.9", 1), 0, "answers")


def test_another_nature_of_one_name(lab):
    """A name that was a program's becomes a bridge, and the other way about, by apply and over a crash."""
    lab.weftd("ip tuntap add dev x mode tap\n")
    lab.weft("apply", lab.file("bridge.conf", "ip link add x up type bridge\n"))
    check("tuntap" not in lab.switch.run("nft", "list", "tables"), "a table is left")
    lab.weft("apply", lab.file("tun.conf", "ip tuntap add dev x mode tun\n"))
    equal(lab.switch.link("x")["linkinfo"]["info_data"]["type"], "tun", "type")
    with program(lab, "x", tun=True):
        lab.daemons[0].kill()
        lab.weftd("ip link add x up type bridge\n")
        equal(lab.switch.link("x")["linkinfo"]["info_data"]["type"], "tap", "type")


def test_somebody_deletes_it(lab):
    """A device deleted in the kernel is made again and works."""
    bridged(lab)
    before = lab.switch.link("tap0")["ifindex"]
    lab.switch.ip("link", "del", "tap0")
    wait_for(lambda: (lab.switch.link("tap0") or {}).get("ifindex", before) != before, "it is made again")
    wait_for(lambda: "NO-CARRIER" in lab.switch.link("tap0")["flags"], "weft has let go of it")
    with program(lab, "tap0") as tap:
        wait_for(lambda: carrier(lab, "tap0"), "carrier of an open device")
        wire = lab.wire("a")
        tap.send(frames.frame(frames.BROADCAST, PROGRAM, payload=b"again"))
        check(wire.wait(lambda data: b"again" in data), "a frame after that")


@stateful
def test_offloads(lab):
    """Unfinished checksums and GSO frames of a program leave finished and segmented where the port cannot."""
    lab.host("a", "10.0.0.1/24")
    lab.weftd(port_line("a") + TAP + "ip link add br0 up type bridge\nip link set a master br0\nip link set tap0 master br0\n"
              "port add w up type tap\nip link set w master br0\n")
    lab.namespaces["a"].run("ethtool", "-K", "eth0", "gro", "off", "lro", "off", status=None)
    lab.switch.run("ethtool", "-K", "va", "tx", "off", "tso", "off", "gso", "off")
    wire = lab.wire("a")
    ethernet = frames.mac(HOST) + PROGRAM + b"\x08\x00"
    with program(lab, "tap0", vnet_hdr=True) as tap:
        wait_for(lambda: carrier(lab, "tap0"), "carrier of an open device")
        frame, header = unfinished_tcp(ethernet, "10.0.0.7", "10.0.0.1", b"one segment", 0)
        tap.send(frame, header)
        got = wire.wait(lambda data: b"one segment" in data)
        check(got and tcp_checksum_good(got), "the checksum was not finished")
        payload = bytes(range(256)) * 16
        frame, header = unfinished_tcp(ethernet, "10.0.0.7", "10.0.0.1", payload, 1000)
        tap.send(frame, header)
        segments = wire.collect(0.5, lambda data: data[6:12] == PROGRAM and data[12:14] == b"\x08\0")
        equal(b"".join(data[54:] for data in segments), payload, "the segments' payload")
        check(all(tcp_checksum_good(data) for data in segments), "a segment's checksum is wrong")
    # and the other way: what a host leaves unfinished reaches a program that took the offload, or finished one
    with program(lab, "tap0") as tap:
        wait_for(lambda: carrier(lab, "tap0"), "carrier of an open device")
        lab.namespaces["a"].ip("neigh", "add", "10.0.0.7", "lladdr", "02:cc:00:00:00:01", "dev", "eth0")
        with frames.Inside(lab.namespaces["a"].name):
            sender = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sender.setblocking(False)
        sender.connect_ex(("10.0.0.7", 2000))
        syn = tap.wait(lambda data: data[12:14] == b"\x08\0" and data[23] == 6)
        sender.close()
        check(syn and tcp_checksum_good(syn), "the SYN's checksum")


@stateful
def test_tun(lab):
    """Mode tun: packets between the program and the kernel; no bridge, no address of a link layer."""
    lab.weftd(TUN + "ip link add br0 type bridge\n")
    lab.refused("ip", "link", "set", "tun0", "master", "br0")
    with program(lab, "tun0", tun=True) as tun:
        wait_for(lambda: carrier(lab, "tun0"), "carrier of an open device")
        tun.send(frames.echo_request("10.3.0.2", "10.3.0.1"))
        answer = tun.wait(lambda data: data[0] >> 4 == 4 and data[9] == 1)
        equal(answer and (answer[12:16], answer[20]), (socket.inet_aton("10.3.0.1"), 0), "the kernel's answer")
        lab.switch.sysctl("net.ipv4.ip_forward", 1)
        tun.send(frames.echo_request("10.3.0.2", "10.3.0.9"))
        back = [data for data in tun.collect(0.3, lambda data: data[0] >> 4 == 4) if data[9] == 1 and data[20] == 8]
        equal([data[8] for data in back], [63], "TTLs of what was forwarded: once, by weft")
        ping = lab.start(lab.switch, "ping", "-c", "1", "-W", "2", "10.3.0.2")
        request = tun.wait(lambda data: data[0] >> 4 == 4 and data[9] == 1 and data[20] == 8)
        check(request, "the kernel's ping")
        body = b"\0" + request[21:22] + b"\0\0" + request[24:]
        body = body[:2] + struct.pack("!H", frames.checksum(body)) + body[4:]
        tun.send(frames.ipv4("10.3.0.2", "10.3.0.1", 1, body))
        equal(ping.wait(5), 0, "status of ping")
        counted = lab.json("ip", "-s", "link", "show", "tun0")[0]["stats64"]
        check(counted["rx"]["packets"] >= 3 and counted["tx"]["packets"] >= 2, f"counted: {counted}")
    wait_for(lambda: not carrier(lab, "tun0"), "no carrier of a closed device")


def test_shown_and_saved(lab):
    """`ip tuntap show` and `save`; applying what was saved leaves the devices alone."""
    lines = ("ip tuntap add dev tap0 mode tap user 0\nip link set dev tap0 mtu 1400 up\n"
             "ip tuntap add dev tun0 mode tun\n")
    lab.weftd(lines)
    equal(lab.weft("save"), lines, "what is saved")
    equal(lab.weft("ip", "tuntap", "show"), "tap0: tap persist user 0\ntun0: tun persist\n", "what is shown")
    equal(lab.switch.link("tap0")["mtu"], 1400, "MTU of the device")
    index = lab.switch.link("tap0")["ifindex"]
    lab.weft("apply", lab.file("same.conf", lines))
    equal(lab.switch.link("tap0")["ifindex"], index, "the device after an apply")


def test_other_namespace(lab):
    """With --netns the devices are where the TAPs are."""
    taps = lab.namespace("taps")
    a = lab.host("a", "10.0.0.1/24")
    lab.weftd(port_line("a") + TAP + "ip link add br0 up type bridge\nip link set a master br0\n"
              "ip link set tap0 master br0\n", "--netns", taps.name)
    equal(lab.switch.link("tap0"), None, "a device where weftd was started")
    wire = lab.wire("a")
    tap = Program(taps, "tap0")
    try:
        wait_for(lambda: carrier(lab, "tap0"), "carrier of an open device")
        tap.send(frames.frame(frames.BROADCAST, PROGRAM, payload=b"elsewhere"))
        check(wire.wait(lambda data: b"elsewhere" in data), "the program's frame")
        lab.daemons[0].terminate(2)
        equal((taps.links(), taps.run("nft", "list", "ruleset")), ([], ""), "what is left")
    finally:
        tap.close()
    equal(a.ping("10.0.0.9", 1), 0, "answers")


def test_refusals(lab):
    """A name that the kernel has, and weftd without a kernel."""
    lab.switch.ip("tuntap", "add", "dev", "mine", "mode", "tap")
    lab.weftd("")
    said = lab.refused("ip", "tuntap", "add", "dev", "mine", "mode", "tap")
    check("not weft's" in said, said)
    lab.daemons[0].terminate()
    lab.weftd("", "--no-kernel")
    said = lab.refused("ip", "tuntap", "add", "dev", "tap0", "mode", "tap")
    check("--no-kernel" in said, said)


@stateful
def test_a_next_hop_of_ipv6(lab):
    """A TUN as a next hop of IPv6: the program gets what is routed to it, and what it sends is routed."""
    a, _ = router(lab, "ip tuntap add dev tun0 mode tun\nip link set dev tun0 up\nip addr add 2001:db8:33::1/64 dev tun0 nodad\n")
    tun = Program(lab.switch, "tun0", tun=True)
    to = "2001:db8:77::7"
    try:
        wait_for(lambda: "LOWER_UP" in lab.json("ip", "link", "show", "dev", "tun0")[0]["flags"], "carrier of an open device")
        lab.switch.ip("-6", "route", "add", "2001:db8:77::/64", "via", "2001:db8:33::2", "dev", "tun0")
        a.reaches("2001:db8:1::1")
        before = forwarded(lab)
        sent = lab.start(a, "ping", "-n", "-c", "1", "-W", "3", to)
        request = tun.wait(lambda data: data[0] >> 4 == 6 and data[6] == 58 and data[24:40] == socket.inet_pton(socket.AF_INET6, to))
        check(request and request[7] == 63, "the program did not get the request")
        tun.send(frames.ipv6(to, A6, 58, frames.icmp6(to, A6, 129, 0, request[44:])))
        equal(sent.wait(6), 0, "status of ping")
        check(forwarded(lab) - before >= 2, "the workers did not forward them")
    finally:
        tun.close()
