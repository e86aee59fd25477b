"""A learning bridge between real hosts: ping, TCP, UDP, floods, FDB, flags."""

import json
import re

import frames
from lab import check, equal, port_line, stateful, wait_for


def iperf(lab, client, server, address, *options):
    """Runs iperf3 from client to server; returns its report."""
    listener = lab.start(server, "iperf3", "-s", "-1", "-B", address)
    wait_for(lambda: ":5201" in server.run("ss", "-ltn"), "iperf3 listens")
    report = json.loads(client.run("iperf3", "-c", address, "-t", "2", "-J", *options))
    listener.wait(10)
    return report["end"]


@stateful
def test_ping(lab):
    """Two hosts reach each other; both addresses are learned on their ports."""
    a, b = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    equal(a.ping("10.0.0.2", 20, 0.01), 20, "answers")
    equal(b.ping("10.0.0.1", 20, 0.01), 20, "answers")
    learned = lab.learned()
    equal(learned.get(a.link("eth0")["address"]), "a", "port of the first host")
    equal(learned.get(b.link("eth0")["address"]), "b", "port of the second host")


@stateful
def test_tcp_with_offloads(lab):
    """TCP in both directions between hosts that leave checksums and segmentation to the network."""
    a, b = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    for direction in ((), ("-R",)):
        report = iperf(lab, a, b, "10.0.0.2", *direction)
        rate = report["sum_received"]["bits_per_second"]
        check(rate > 100e6, f"TCP {direction or 'forward'}: {rate / 1e6:.0f} Mbit/s")
    equal(lab.drops("egress/bad_offload"), 0, "frames with contradicting offload state")


@stateful
def test_udp_with_unfinished_checksums(lab):
    """UDP whose checksum the sender's kernel left unfinished arrives whole."""
    a, b = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    report = iperf(lab, a, b, "10.0.0.2", "-u", "-b", "20M", "-l", "1200")
    check(report["sum"]["packets"] > 1000, f"only {report['sum']['packets']} datagrams sent")
    check(report["sum"]["lost_percent"] < 1, f"{report['sum']['lost_percent']:.1f} % lost")


@stateful
def test_broadcast_floods_once(lab):
    """A broadcast leaves by every other port exactly once and never by its own."""
    lab.bridge("a", "b", "c", "d")
    wires = {role: lab.wire(role) for role in "abcd"}
    wanted = [frames.frame(frames.BROADCAST, frames.mac("02:aa:00:00:00:01"), payload=bytes([n])) for n in range(50)]
    wires["a"].send(*wanted)
    for role in "bcd":
        got = wires[role].collect(0.5, lambda data: data[12:14] == b"\x88\xb5")
        equal(len(got), 50, f"broadcasts at {role}")
        equal(set(got), set(wanted), f"frames at {role}")
    equal(wires["a"].collect(0.2, lambda data: data[12:14] == b"\x88\xb5"), [], "broadcasts back at a")


@stateful
def test_station_moves(lab):
    """An address that appears on another port is followed at once."""
    lab.bridge("a", "b", "c")
    wires = {role: lab.wire(role) for role in "abc"}
    station, peer = frames.mac("02:aa:00:00:00:01"), frames.mac("02:bb:00:00:00:01")
    wires["a"].send(frames.frame(peer, station))
    check(wires["b"].wait(lambda data: data[6:12] == station), "the first frame did not flood")
    wires["b"].send(frames.frame(station, peer))
    check(wires["a"].wait(lambda data: data[6:12] == peer), "no unicast to the first place")
    wires["c"].send(frames.frame(peer, station))
    check(wires["b"].wait(lambda data: data[6:12] == station), "no unicast from the second place")
    for wire in wires.values():
        wire.drain()
    wires["b"].send(frames.frame(station, peer, payload=b"moved"))
    check(wires["c"].wait(lambda data: b"moved" in data), "no unicast to the second place")
    equal(wires["a"].collect(0.2, lambda data: b"moved" in data), [], "frames to the old place")


def test_ageing(lab):
    """A learned entry goes after the ageing time; a static one stays."""
    a, b = lab.bridge("a", "b", options="ageing_time 200")
    lab.weft("bridge", "fdb", "add", "02:cc:00:00:00:01", "dev", "b", "master", "static")
    a.reaches("10.0.0.2")
    check(lab.learned(), "nothing learned")
    wait_for(lambda: a.link("eth0")["address"] not in lab.learned() and b.link("eth0")["address"] not in lab.learned(),
             "learned entries age", 8)
    equal([row["ifname"] for row in lab.json("bridge", "fdb", "show") if row["mac"] == "02:cc:00:00:00:01"], ["b"],
          "the static entry")


def test_dynamic_entry(lab):
    """`bridge fdb add … dynamic`: unicast goes there at once, the entry moves and ages like a learned one; as Linux
    (net/bridge/br_fdb.c) it is EEXIST if known, and EPERM at a port without carrier."""
    _, b, c = lab.bridge("a", "b", "c", options="ageing_time 200")
    station = "02:cc:00:00:00:01"
    lab.weft("bridge", "fdb", "add", station, "dev", "b", "master", "dynamic")
    equal(lab.learned()[station], "b", "where the entry is")
    wires = {role: lab.wire(role) for role in "abc"}
    data = frames.frame(frames.mac(station), frames.mac("02:aa:00:00:00:01"))
    wires["a"].send(data)
    check(wires["b"].wait(lambda got: got == data), "no unicast to the entry's port")
    equal(wires["c"].collect(0.2, lambda got: got == data), [], "frames at the other port")
    for kind in ("dynamic", "static"):
        equal(lab.refused("bridge", "fdb", "add", station, "dev", "c", "master", kind, status=255),
              "RTNETLINK answers: File exists\n", f"add {kind} again")
    lab.weft("bridge", "fdb", "replace", station, "dev", "c", "master", "static")
    lab.weft("bridge", "fdb", "replace", station, "dev", "b", "master", "dynamic")
    equal(lab.learned()[station], "b", "after replacing the static one")
    check(station not in lab.weft("save"), "the static entry stayed in the configuration")
    lab.weft("ip", "link", "set", "c", "down")
    equal(lab.learned()[station], "b", "after another change")
    equal(lab.refused("bridge", "fdb", "add", "02:cc:00:00:00:02", "dev", "c", "master", "dynamic", status=255),
          "RTNETLINK answers: Operation not permitted\n", "at a port that is down")
    wait_for(lambda: station not in lab.learned(), "the entry ages", 8)


def test_dynamic_entry_in_a_vlan(lab):
    """With VLAN filtering a dynamic entry is of its VLAN, and of all of the port's without `vlan`."""
    lab.bridge("a", "b", options="vlan_filtering 1", extra="bridge vlan add dev b vid 10\n")
    lab.weft("bridge", "fdb", "add", "02:cc:00:00:00:01", "dev", "b", "master", "dynamic", "vlan", "10")
    lab.weft("bridge", "fdb", "add", "02:cc:00:00:00:02", "dev", "b", "master", "dynamic")
    lab.weft("bridge", "vlan", "add", "dev", "a", "vid", "20")
    got = sorted((row["mac"][-1], row.get("vlan", 0)) for row in lab.json("bridge", "fdb", "show", "dynamic")
                 if row["mac"].startswith("02:cc"))
    equal(got, [("1", 10), ("2", 0), ("2", 1), ("2", 10)], "MAC and VLAN of the entries")
    lab.weft("bridge", "fdb", "del", "02:cc:00:00:00:01", "dev", "b", "master", "vlan", "10")
    check("02:cc:00:00:00:01" not in lab.learned(), "the deleted entry stayed")


def test_flush_by_port(lab):
    """`bridge fdb flush dev X master` forgets that port's entries only."""
    a, b = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    lab.weft("bridge", "fdb", "flush", "dev", "a", "master")
    learned = lab.learned()
    check(a.link("eth0")["address"] not in learned, "the flushed port's entry stayed")
    equal(learned.get(b.link("eth0")["address"]), "b", "the other port's entry")


@stateful
def test_isolated_ports(lab):
    """Isolated ports do not reach each other, but reach the others; the drop is counted by its name."""
    a, b, c = lab.bridge("a", "b", "c")
    c.reaches("10.0.0.1")
    c.reaches("10.0.0.2")
    for role in "ab":
        lab.weft("bridge", "link", "set", "dev", role, "isolated", "on")
    equal(a.ping("10.0.0.2", 2, 0.2), 0, "answers between isolated ports")
    a.reaches("10.0.0.3")
    b.reaches("10.0.0.3")
    own, other = (frames.mac(host.link("eth0")["address"]) for host in (a, b))
    before = lab.drops("bridge/isolated", "a")
    lab.wire("a").send(frames.frame(other, own))
    wait_for(lambda: lab.drops("bridge/isolated", "a") == before + 1, "the unicast is counted as bridge/isolated")


def test_learn_limit(lab):
    """Over fdb_max_learned frames still flow, but no more addresses are learned."""
    lab.bridge("a", "b", options="fdb_max_learned 3")
    wire, far = lab.wire("a"), lab.wire("b")
    for number in range(10):
        wire.send(frames.frame(frames.BROADCAST, frames.mac(f"02:dd:00:00:00:{number:02x}")))
    equal(len(far.collect(0.5, lambda data: data[6:10] == b"\x02\xdd\x00\x00")), 10, "frames through")
    check(len(lab.learned()) <= 3, f"{len(lab.learned())} addresses learned")


@stateful
def test_jumbo_frames(lab):
    """MTU 9000 from end to end, and one byte more is a named drop."""
    a = lab.host("a", "10.0.0.1/24", mtu=9000)
    lab.host("b", "10.0.0.2/24", mtu=9000)
    lab.weftd(port_line("a", "mtu 9000") + port_line("b", "mtu 9000") + "ip link add br0 up type bridge\n"
              "ip link set a master br0\nip link set b master br0\n")
    a.reaches("10.0.0.2")
    equal(a.ping("10.0.0.2", 5, size=8972, options=("-M", "do")), 5, "answers of 9000 bytes")
    lab.weft("ip", "link", "set", "b", "mtu", "1500")
    equal(a.ping("10.0.0.2", 2, 0.2, size=8972, options=("-M", "do")), 0, "answers over the MTU")
    check(lab.drops("egress/too_big") + lab.drops("ingress/oversize") > 0, "oversize frames were not counted")


def test_bad_frames(lab):
    """Bad sources and truncated tags are counted drops; the bridge goes on."""
    a, _ = lab.bridge("a", "b")
    wire, far = lab.wire("a"), lab.wire("b")
    for source in ("01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"):
        wire.send(frames.frame(frames.BROADCAST, frames.mac(source), payload=b"bad"))
    for size in (14, 15, 16, 17):
        wire.send((frames.BROADCAST + frames.mac("02:aa:00:00:00:01") + b"\x81\x00\x00\x01\x08")[:size])
    equal(far.collect(0.3, lambda data: b"bad" in data), [], "frames with a bad source")
    equal(lab.drops("bridge/bad_source", "a"), 3, "bad sources counted")
    a.reaches("10.0.0.2")


def test_two_bridges(lab):
    """Two bridges keep their traffic apart."""
    a, _, c = (lab.host(role, f"10.0.0.{n}/24") for n, role in enumerate("abc", 1))
    d = lab.host("d", "10.0.0.2/24")
    lab.weftd("".join(port_line(role) for role in "abcd") + "ip link add br0 up type bridge\n"
              "ip link add br1 up type bridge\nip link set a master br0\nip link set b master br0\n"
              "ip link set c master br1\nip link set d master br1\n")
    a.reaches("10.0.0.2")
    c.reaches("10.0.0.2")
    equal(a.run("ip", "neigh", "show", "10.0.0.2").split()[4], lab.namespaces["b"].link("eth0")["address"],
          "who answered in br0")
    equal(c.run("ip", "neigh", "show", "10.0.0.2").split()[4], d.link("eth0")["address"], "who answered in br1")
    equal(a.ping("10.0.0.3", 1), 0, "answers across bridges")


def test_link_local_groups(lab):
    """01:80:c2:00:00:01-0f are not bridged and reach the port's TAP; a BPDU also floods while STP is off."""
    lab.bridge("a", "b")
    wire, far, tap = lab.wire("a"), lab.wire("b"), lab.switch.wire("a")
    lab.wires.append(tap)
    source = frames.mac("02:aa:00:00:00:01")
    groups = [frames.mac(f"01:80:c2:00:00:{n:02x}") for n in range(16)]
    wire.send(*(frames.frame(group, source) for group in groups))
    mine = lambda data: data[6:12] == source
    equal([frames.mac_text(data[:6]) for data in far.collect(0.4, mine)], ["01:80:c2:00:00:00"], "groups bridged")
    equal({data[:6] for data in tap.collect(0.2, mine)}, set(groups), "groups at the port's TAP")
    lab.weft("ip", "link", "set", "br0", "type", "bridge", "group_fwd_mask", "0x4000")
    wire.send(frames.frame(groups[14], source))
    check(far.wait(lambda data: data[:6] == groups[14] and mine(data)), "LLDP not bridged though group_fwd_mask says so")


def test_tables_of_linux(lab):
    """`brctl` and `bridge` show what Linux's programs show."""
    a, _ = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    shown = lab.weft("brctl", "show")
    equal(shown.splitlines()[0].split(), ["bridge", "name", "bridge", "id", "STP", "enabled", "interfaces"], "header")
    equal(shown.splitlines()[1].split()[0::3], ["br0", "a"], "bridge and first member")
    macs = lab.weft("brctl", "showmacs", "br0").splitlines()
    equal(macs[0].split(), ["port", "no", "mac", "addr", "is", "local?", "ageing", "timer"], "header of showmacs")
    check(any(a.link("eth0")["address"] in line and " no " in line.replace("\t", " ") for line in macs),
          "the host is not in showmacs")
    check("state forwarding" in lab.weft("bridge", "link"), "`bridge link` shows no state")
    check(f"{a.link('eth0')['address']} dev a master br0" in lab.weft("bridge", "fdb"), "host not in `bridge fdb`")


def test_a_full_table_is_shown(lab):
    """A million entries are shown, as text and as JSON, without a tree of them: the daemon stays under 450 MB."""
    lab.weftd("port add g up type gen flows 1000000 rate 2000000 count 4000000\nip link add br0 up type bridge\n"
              "ip link set g master br0\n", "--no-kernel")

    def known():
        return next(row["used"] for row in lab.json("show", "memory") if row["what"] == "fdb")

    wait_for(lambda: known() > 990000, "a million entries", 30)
    lines = lab.weft("bridge", "fdb", "show", timeout=60).splitlines()
    check(len(lines) >= 990000, f"{len(lines)} lines")
    check(re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2} dev g master br0 ", lines[5000]), f"a line: {lines[5000]!r}")
    with lab.connect() as ask:
        rows = ask("-j", "bridge", "fdb", "show")["data"]
    check(len(rows) >= 990000, f"{len(rows)} rows")
    equal({key: value for key, value in rows[5000].items() if key != "mac"},
          {"ifname": "g", "flags": [], "master": "br0", "state": ""}, "a row but for its address")
    with open(f"/proc/{lab.daemons[0].pid}/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    check(peak < 450000, f"the daemon took {peak} kB")


@stateful
def test_static_entry_moves(lab):
    """A frame moves a static entry to its port, where it stays static; sticky ones stay (br_fdb_update)."""
    lab.bridge("a", "b")
    moving, sticky = "02:aa:00:00:00:07", "02:aa:00:00:00:08"
    lab.weft("bridge", "fdb", "add", moving, "dev", "a", "master", "static")
    lab.weft("bridge", "fdb", "add", sticky, "dev", "a", "master", "static", "sticky")
    wire = lab.wire("b")

    def entries():
        return {row["mac"]: (row["ifname"], row.get("state")) for row in lab.json("bridge", "fdb")}
    for station in (moving, sticky):
        wire.send(frames.frame(b"\xff" * 6, frames.mac(station)))
    wait_for(lambda: entries()[moving] == ("b", "static"), "the entry on its new port")
    equal(entries()[sticky], ("a", "static"), "the sticky entry")
    check(f"bridge fdb add {moving} dev b master static" in lab.weft("save"), lab.weft("save"))
    lab.weft("bridge", "fdb", "del", moving, "dev", "b", "master")
    check(moving not in entries(), "the entry is still there")
