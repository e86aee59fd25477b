"""Configuration of a running switch: apply, SIGHUP, save, diff, check, transactions, confirm and rollback."""

import signal
import time

from lab import WEFT, bridge_config, check, equal, run, stateful, wait_for
from test_ports import Pings

RICH = """
bridge link set dev a isolated on learning off
bridge link set dev b hairpin on mcast_flood off fdb_max_learned 50
bridge vlan add dev b vid 100-110
bridge vlan add dev br0 vid 20 self
bridge fdb add 02:cc:00:00:00:01 dev b master static
ip link set b mtu 1400
ip link add link a name a.8 type vlan id 8
ip addr add 10.0.0.254/24 dev br0
ip addr add fd00::1/64 dev br0
"""


def test_save_is_canonical(lab):
    """Applying what `save` printed changes nothing, and saves the same."""
    lab.host("a"), lab.host("b")
    lab.weftd(bridge_config("a", "b", options="vlan_filtering 1 ageing_time 6000") + RICH)
    saved = lab.weft("save")
    path = lab.file("saved.conf", saved)
    equal(lab.weft("diff", path).strip(), "", "diff of the saved configuration")
    index = lab.switch.link("br0")["ifindex"]
    lab.weft("apply", path)
    equal(lab.weft("save"), saved, "what `save` prints after `apply`")
    equal(lab.switch.link("br0")["ifindex"], index, "index of the TAP")
    run(WEFT, "-c", path)
    lab.daemons[0].terminate()
    lab.weftd(saved)
    equal(lab.weft("save"), saved, "what `save` prints after a start with it")


def test_administrators_addresses_are_not_saved(lab):
    """What an administrator wrote to the kernel is shown, not saved, and survives `apply`."""
    lab.bridge("a")
    lab.switch.ip("addr", "add", "10.7.7.7/24", "dev", "br0")
    saved = lab.weft("save")
    check("10.7.7.7" not in saved, "the administrator's address was saved")
    wait_for(lambda: "10.7.7.7" in lab.weft("ip", "addr", "show", "dev", "br0"), "the address is shown")
    lab.weft("apply", lab.file("saved.conf", saved))
    check("10.7.7.7" in lab.switch.ip("addr", "show", "dev", "br0"), "`apply` removed it")


@stateful
def test_apply_under_load(lab):
    """Changes to other things lose no packet of a running connection."""
    a, _ = lab.bridge("a", "b")
    lab.host("c")
    a.reaches("10.0.0.2")
    less = lab.file("less.conf", bridge_config("a", "b"))
    more = lab.file("more.conf", bridge_config("a", "b", "c") + "bridge link set dev c isolated on\n"
                    "ip link add br1 up type bridge vlan_filtering 1\nip addr add 10.0.0.254/24 dev br0\n")
    pings = Pings(lab, a, "10.0.0.2", 0.005)
    for _ in range(5):
        lab.weft("apply", more)
        lab.weft("apply", less)
    equal(pings.lost(), 0, "lost pings")


def test_sighup(lab):
    """SIGHUP applies the start-up file; a broken file is refused and changes nothing."""
    lab.bridge("a", "b")
    daemon = lab.daemons[0]
    lab.file("weft.conf", bridge_config("a", "b") + "port add n up type null\n")
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: "n" in [row["ifname"] for row in lab.json("port", "show")], "the new port")
    said = len(daemon.log)
    lab.file("weft.conf", bridge_config("a") + "nonsense\n")
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: any("nonsense" in line for line in daemon.log[said:]), "a message about the broken file")
    equal([row["ifname"] for row in lab.json("port", "show")], ["a", "b", "n"], "ports after a refused file")


def test_file_is_one_transaction(lab):
    """`weft -f FILE` applies all lines or none; the error names file, line and column."""
    lab.weftd("")
    path = lab.file("batch", "port add n type null\nip link add br0 type bridge\nip link set n master nosuch\n")
    message = lab.refused("-f", path)
    check(f"{path}:3:" in message and "nosuch" in message, f"message: {message}")
    equal(lab.json("port", "show"), [], "ports after a refused transaction")
    lab.file("batch", "port add n type null\nip link add br0 type bridge  # a comment\nip link set \\\n  n master 'br0'\n")
    lab.weft("-f", path)
    equal(lab.json("ip", "link", "show", "dev", "n")[0].get("master"), "br0", "master")


def test_check_and_diff(lab):
    """`check` validates without changing; `diff` shows the commands between running and file."""
    lab.bridge("a", "b")
    good = lab.file("good.conf", bridge_config("a", "b") + "ip link add br1 type bridge\n")
    bad = lab.file("bad.conf", bridge_config("a", "b") + "ip link set nosuch up\n")
    before = lab.weft("save")
    lab.weft("check", good)
    check(f"{bad}:6:" in lab.refused("check", bad), "no file:line in the message")
    check("br1" in lab.weft("diff", good), "the difference is not shown")
    equal(lab.weft("save"), before, "the configuration after check and diff")
    run(WEFT, "-c", good)
    run(WEFT, "-c", bad, status=2)


def test_syntax_error_has_one_status(lab):
    """A line that cannot be read is 1, as a bad command line, however the file is used."""
    lab.weftd("")
    for number, line in enumerate(("ip link add br0 type bridge nonsense", "port 'add")):
        path = lab.file(f"syntax{number}.conf", f"{line}\n")
        for words in (["check", path], ["apply", path], ["diff", path], ["-c", path], ["-f", path]):
            check(f"{path}:1:" in lab.refused(*words, status=1), f"{words[0]}: no file:line in the message")


def test_confirm(lab):
    """`apply FILE confirm N` goes back by itself unless confirmed; `rollback` goes back at once."""
    lab.bridge("a", "b")
    before = lab.weft("save")
    path = lab.file("new.conf", bridge_config("a", "b") + "ip link add br1 type bridge\n")
    lab.weft("apply", path, "confirm", "1")
    check("br1" in lab.weft("save"), "not applied")
    wait_for(lambda: lab.weft("save") == before, "the old configuration comes back", 4)
    lab.weft("apply", path, "confirm", "1")
    lab.weft("confirm")
    time.sleep(1.5)
    check("br1" in lab.weft("save"), "went back though confirmed")
    lab.weft("rollback")
    equal(lab.weft("save"), before, "the configuration after `rollback`")


def test_sighup_while_an_apply_waits(lab):
    """SIGHUP is refused while `apply … confirm` waits, as `apply` is: what it goes back to stays what was before."""
    lab.weftd("ip link add brA type bridge\n")
    before = lab.weft("save")
    lab.weft("apply", lab.file("b.conf", "ip link add brB type bridge\n"), "confirm", "2")
    daemon, said = lab.daemons[0], len(lab.daemons[0].log)
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: any("waits to be confirmed" in line for line in daemon.log[said:]), "a message")
    check("brB" in lab.weft("save"), "SIGHUP was carried out")
    wait_for(lambda: lab.weft("save") == before, "the configuration before", 4)


def test_kernel_refusal_takes_all_back(lab):
    """When the kernel refuses one object, what was written is taken back."""
    lab.bridge("a", "b")
    lab.switch.ip("addr", "add", "10.0.0.254/24", "dev", "br0")
    path = lab.file("batch", "ip addr add 10.3.0.1/24 dev br0\nip addr add 10.0.0.254/24 dev br0\n")
    lab.refused("-f", path)
    check("10.3.0.1" not in lab.switch.ip("addr", "show", "dev", "br0"), "the first address stayed")
