"""conf/demo: it shows what it should, and leaves nothing behind, however it ends."""

import glob
import os
import signal
import subprocess

from lab import TOP, check, equal

DEMO = os.path.join(TOP, "conf/demo")


def left_of(pid):
    """What a demo made and did not remove; all of it has its process's number in its name."""
    name = f"weft-demo-{pid}"
    left = [path for pattern in ("/run/netns/{}*", "/run/{}*", "/tmp/{}*") for path in glob.glob(pattern.format(name))]
    for command in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(command, "rb") as file:
                if name.encode() in file.read():
                    left.append(command)
        except OSError:
            pass
    return left


def test_once(lab):
    """`conf/demo --once` finds all as it should be."""
    demo = subprocess.Popen([DEMO, "--once"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = demo.communicate()
    check(demo.returncode == 0, f"status {demo.returncode}\n{said}")
    for shown in ("Pings that pass", "Pings that must not pass", "iperf3", "Routing", "bridge fdb", "bridge/vlan_filtered"):
        check(shown in said, f"\"{shown}\" is missing in\n{said}")
    equal(left_of(demo.pid), [], "left behind")


def interrupt(at):
    """Ctrl-C when a line with these words was shown; returns the exit status."""
    # A shell's background job, as a suite may be, has SIGINT ignored, which a script cannot undo.
    with subprocess.Popen([DEMO], text=True, stdout=subprocess.PIPE, start_new_session=True,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as demo:
        try:
            check(any(at in line for line in demo.stdout), f"the demo ended before \"{at}\"")
            check(left_of(demo.pid), "a running demo has namespaces")
        finally:
            os.killpg(demo.pid, signal.SIGINT)
            demo.stdout.read()
    equal(left_of(demo.pid), [], "left behind")
    return demo.returncode


def test_interrupted(lab):
    """Ctrl-C amid what it shows ends it; so does Ctrl-C when all is shown, with status 0."""
    equal(interrupt("Pings that pass"), 130, "exit status amid")
    equal(interrupt("Ctrl-C ends"), 0, "exit status at the end")
