"""`sysctl` of weft links: written to and read from the kernel of the TAP namespace."""

import subprocess

from lab import WEFT, bridge_config, check, equal, port_line, run, wait_for

LOCKTIME, IGNORE = "net.ipv4.neigh.br0.locktime", "net.ipv4.conf.br0.arp_ignore"


def kernel(lab, name):
    return lab.switch.run("sysctl", "-n", name).strip()


def test_written_and_read(lab):
    """What weft sets is the kernel's value; what it did not set is read from the kernel."""
    lab.host("a")
    lab.weftd(bridge_config("a"))
    equal(lab.weft("sysctl", "-w", f"{LOCKTIME}=80", "net/ipv6/neigh/a/ucast_solicit=5"),
          f"{LOCKTIME} = 80\nnet.ipv6.neigh.a.ucast_solicit = 5\n", "what -w prints")
    equal((kernel(lab, LOCKTIME), kernel(lab, "net.ipv6.neigh.a.ucast_solicit")), ("80", "5"), "the kernel's values")
    lab.switch.sysctl(IGNORE, 2)
    equal(lab.weft("sysctl", "-n", IGNORE, LOCKTIME), "2\n80\n", "values read")
    check(IGNORE not in lab.weft("save"), "what the kernel has by itself is saved")
    check(f"sysctl -w {LOCKTIME}=80" in lab.weft("save"), "what weft set is not saved")


def test_the_same_lines_as_the_linux_program(lab):
    """`sysctl -a` lists of a weft link what procps lists of it, value by value; -n, -N, -b and errors alike."""
    lab.host("a")
    lab.weftd(bridge_config("a"))
    theirs = [line for line in lab.switch.run("sysctl", "-a").splitlines()
              if line.startswith(("net.ipv4.neigh.br0.", "net.ipv6.neigh.br0.", "net.ipv4.conf.br0.arp_"))]
    check(len(theirs) > 30, f"the kernel has only {theirs}")
    own = ("accept_source_route", "rp_filter", "send_redirects")  # weft's own, whatever the kernel's of the TAP say
    equal([line for line in lab.weft("sysctl", "-a").splitlines() if ".br0." in line and line.split()[0].split(".")[-1] not in own],
          theirs, "lines of sysctl -a")
    for words in (["-n", LOCKTIME], ["-N", LOCKTIME], ["-b", LOCKTIME], ["-nw", f"{LOCKTIME}=3"], ["-w", f"{LOCKTIME}=soon"],
                  ["-w", f"{IGNORE}=99999999999"], ["net.ipv4.neigh.gone0.locktime", IGNORE], ["-e", "net.ipv4.neigh.gone0.locktime"]):
        words = ["-n", "-w", *words[1:]] if words[0] == "-nw" else words
        ours = subprocess.run([WEFT, "-s", lab.socket, "sysctl", *words], text=True, capture_output=True)
        linux = subprocess.run(["ip", "netns", "exec", lab.switch.name, "sysctl", *words], text=True, capture_output=True)
        equal((ours.returncode, ours.stdout, ours.stderr), (linux.returncode, linux.stdout, linux.stderr),
              f"outcome of sysctl {' '.join(words)}")


def test_own_and_refused(lab):
    """Forwarding is weft's own and 1; any other name is refused by name, `default` and `all` too."""
    lab.weftd("")
    equal(lab.weft("sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"),
          "net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1\n", "forwarding")
    for name in ("net.ipv4.conf.all.arp_ignore", "net.ipv4.neigh.default.gc_thresh1", "net.ipv4.neigh.default.locktime",
                 "kernel.hostname"):
        check(name in lab.refused("sysctl", name, status=1), f"{name} is not named")
        check(name in lab.refused("sysctl", "-w", f"{name}=1", status=1), f"{name} is not named")


def test_an_administrators_value(lab):
    """A value written in the kernel stands until weft is told again, also with the value weft once set."""
    lab.host("a")
    lab.weftd(bridge_config("a") + f"sysctl -w {LOCKTIME}=80\n")
    lab.switch.sysctl(LOCKTIME, 8)
    lab.weft("ip", "link", "set", "a", "mtu", "1400")
    equal(kernel(lab, LOCKTIME), "8", "the value after another command")
    equal(lab.weft("sysctl", "-n", LOCKTIME), "8\n", "the value shown")
    lab.weft("sysctl", "-w", f"{LOCKTIME}=80")
    equal(kernel(lab, LOCKTIME), "80", "the value weft was told again")


def test_taken_back(lab):
    """A variable that the configuration no longer names has the value of before; a refused one leaves nothing behind."""
    lab.host("a")
    lab.weftd(bridge_config("a"))
    before = kernel(lab, LOCKTIME)
    lab.weft("sysctl", "-w", f"{LOCKTIME}=80")
    lab.weft("apply", lab.file("other.conf", bridge_config("a")))
    equal(kernel(lab, LOCKTIME), before, "the value after apply")
    lab.refused("sysctl", "-w", f"{LOCKTIME}=88", f"{IGNORE}=99999999999", status=1)
    equal(kernel(lab, LOCKTIME), before, "the value after a refused transaction")
    check("locktime" not in lab.weft("save"), "the refused value was kept")


def test_survives_a_new_tap(lab):
    """A TAP that is made again has the values weft set."""
    lab.host("a")
    lab.weftd(bridge_config("a") + f"sysctl -w {LOCKTIME}=80\n")
    lab.switch.ip("link", "del", "dev", "br0")
    wait_for(lambda: lab.switch.link("br0"), "the TAP is made again")
    wait_for(lambda: kernel(lab, LOCKTIME) == "80", "the value on the new TAP")


def test_load(lab):
    """`sysctl -p FILE` reads the caller's file."""
    lab.host("a")
    lab.weftd(port_line("a"))
    path = lab.file("a.sysctl", "# of a\nnet.ipv4.conf.a.arp_announce = 2\n-kernel.nosuch = 1\nnet.ipv4.ip_forward=1\n")
    equal(lab.weft("sysctl", "-p", path), "net.ipv4.conf.a.arp_announce = 2\nnet.ipv4.ip_forward = 1\n", "what -p prints")
    equal(kernel(lab, "net.ipv4.conf.a.arp_announce"), "2", "the kernel's value")
    equal(run(WEFT, "-s", lab.socket, "sysctl", "-p", "/nonexistent", status=1, stdin=None), "", "of a missing file")
