"""Starting: speed, size, idleness, and what is wrong said in one sentence."""

import fcntl
import os
import select
import signal
import subprocess
import time

from lab import COMPAT, WEFT, WEFTD, bridge_config, check, equal, port_line, run, wait_for


def said(lab, status, *arguments, config=None, words=()):
    """Starts a weftd that must end with `status` and name `words`; returns its messages."""
    daemon = lab.weftd(config, *arguments, wait=False)
    equal(daemon.wait(8), status, f"exit status (it said: {daemon.text()[-500:]})")
    for word in words:
        check(word in daemon.text(), f"\"{word}\" is not in: {daemon.text()[-500:]}")
    check(not os.path.exists(lab.socket), "the socket was left")
    return daemon.text()


def resident(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        fields = dict(line.split(":", 1) for line in file if ":" in line and "kB" in line)
    return int(fields["Rss"].split()[0]) / 1024


def test_ready_and_idle(lab):
    """Ready in a second with two ports; idle under 5 % of a CPU and under 100 MB."""
    lab.bridge("a", "b")
    daemon = lab.daemons[0]
    check(daemon.seconds_to_ready < 1.5, f"ready after {daemon.seconds_to_ready:.2f} s")
    time.sleep(1)

    def used():
        with open(f"/proc/{daemon.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    begin, before = time.monotonic(), used()
    time.sleep(3)
    share = (used() - before) / (time.monotonic() - begin)
    check(share < 0.05, f"idle, it uses {share * 100:.1f} % of a CPU")
    check(resident(daemon.pid) < 100, f"idle, it uses {resident(daemon.pid):.0f} MB")


def test_bad_command_line(lab):
    """Unknown options and values end with 1."""
    said(lab, 1, "--nonsense", words=["nonsense"])
    daemon = lab.weftd(None, "--workers", "x-y", wait=False)
    equal(daemon.wait(), 1, "exit status")


def test_missing_config(lab):
    """A --config file that is missing is an error that names it."""
    path = os.path.join(lab.folder, "nowhere.conf")
    daemon = lab.weftd(None, "--config", path, wait=False)
    status = daemon.wait()
    check(status in (1, 2), f"exit status {status}")
    check(path in daemon.text(), f"the message does not name the file: {daemon.text()}")


def test_missing_device(lab):
    """A device that does not exist is named, and nothing is left."""
    lab.host("a")
    daemon = lab.weftd(port_line("a") + port_line("b"), wait=False)
    equal(daemon.wait(), 3, "exit status")
    check("vb" in daemon.text(), f"the message does not name the device: {daemon.text()}")
    equal(lab.switch.links(), ["va"], "devices after the end")
    check("NOARP" not in lab.switch.link("va")["flags"], "va was not given back")


def test_version(lab):
    """Each program says its version in the Linux program's place, without a daemon."""
    for words, begin in (([WEFTD, "--version"], "weftd "), ([f"{COMPAT}/ip", "-V"], "ip utility, weft-"),
                         ([f"{COMPAT}/bridge", "-Version"], "bridge utility, weft-"),
                         ([f"{COMPAT}/brctl", "--version"], "bridge-utils, weft-")):
        shown = run(*words)
        check(shown.startswith(begin) and shown.split()[-1][-1].isdigit(), f"{words} shows {shown!r}")


def test_open_files(lab):
    """Where descriptors run out a port is refused; those that are there keep what they have."""
    daemon = lab.weftd("")
    limit = len(os.listdir(f"/proc/{daemon.pid}/fd")) + 24
    run("prlimit", "--pid", str(daemon.pid), f"--nofile={limit}:{limit}")
    ports = 0
    for number in range(64):
        done = subprocess.run([WEFT, "-s", lab.socket, "port", "add", f"n{number}", "up", "type", "null"], text=True,
                              stderr=subprocess.PIPE, timeout=10)
        if done.returncode:
            break
        ports += 1
    check(done.returncode == 2 and "open files" in done.stderr, f"the last one: {done.returncode} {done.stderr}")
    equal(len(lab.json("port", "show")), ports, "ports after the refusal")


def test_half_written_config(lab):
    """A configuration that breaks off is refused with file:line:column, the line and a caret."""
    text = said(lab, 2, config="port add a up type null\nip link set a mast", words=["weft.conf:2:15", "^"])
    check("ip link set a mast" in text, "the line is not shown")


def test_no_rights(lab):
    """Without rights weftd ends with 3 and says so."""
    os.chmod(lab.folder, 0o777)
    done = subprocess.run(["ip", "netns", "exec", lab.switch.name, "setpriv", "--reuid=nobody", "--regid=nogroup",
                           "--clear-groups", WEFTD, "--socket", lab.socket, "--config",
                           lab.file("weft.conf", port_line("a"))],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10)
    equal(done.returncode, 3, f"exit status (it said: {done.stderr[-500:]})")
    check(done.stderr.strip(), "no message")


def test_no_memory(lab):
    """With too little memory weftd ends with 3 and a sentence, not by a signal."""
    done = subprocess.run(["ip", "netns", "exec", lab.switch.name, "prlimit", "--as=200000000", WEFTD, "--socket",
                           lab.socket, "--workers", lab.workers, "--config", lab.file("weft.conf", "")],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    equal(done.returncode, 3, f"exit status (it said: {done.stderr[-500:]})")


def test_no_kernel(lab):
    """--no-kernel: no TAP, no netlink; bridging works, what is for us ends as punt/no_kernel."""
    a, _ = lab.host("a", "10.0.0.1/24"), lab.host("b", "10.0.0.2/24")
    lab.weftd(bridge_config("a", "b"), "--no-kernel")
    equal(sorted(lab.switch.links()), ["va", "vb"], "devices")
    a.reaches("10.0.0.2")


def test_poll(lab):
    """--poll works (and never sleeps)."""
    a, _ = lab.host("a", "10.0.0.1/24"), lab.host("b", "10.0.0.2/24")
    lab.weftd(bridge_config("a", "b"), "--poll")
    a.reaches("10.0.0.2")
    equal(a.ping("10.0.0.2", 50, 0.01), 50, "answers")


def test_without_config(lab):
    """Without any port the daemon is ready and takes commands."""
    lab.weftd("")
    equal(lab.json("port", "show"), [], "ports")
    lab.weft("port", "add", "n", "up", "type", "null")
    equal([row["ifname"] for row in lab.json("port", "show")], ["n"], "ports")


def test_config_that_is_a_directory(lab):
    """A --config file that cannot be read ends weftd with 2 and the file's name; by SIGHUP nothing changes."""
    daemon = lab.weftd(None, "--config", lab.folder, wait=False)
    equal(daemon.wait(), 2, "exit status")
    check(f"{lab.folder}: Is a directory" in daemon.text(), f"message: {daemon.text()}")
    daemon = lab.weftd("port add n up type null\n")
    path = os.path.join(lab.folder, "weft.conf")
    os.remove(path)
    os.mkdir(path)
    said = len(daemon.log)
    daemon.signal(signal.SIGHUP)
    wait_for(lambda: any("Is a directory" in line for line in daemon.log[said:]), "a message about the directory")
    equal([row["ifname"] for row in lab.json("port", "show")], ["n"], "ports")


def test_pidfile(lab):
    """The pid file holds the pid and goes with the daemon; one that cannot be written ends weftd with 3."""
    daemon = lab.weftd("", "--pidfile", "/nosuch/weftd.pid", wait=False)
    equal(daemon.wait(), 3, "exit status")
    check("/nosuch/weftd.pid: No such file or directory" in daemon.text(), f"message: {daemon.text()}")
    path = os.path.join(lab.folder, "weftd.pid")
    daemon = lab.weftd("", "--pidfile", path)
    with open(path) as file:
        check(f"{file.read().strip()}" == str(daemon.pid), "another pid")
    daemon.terminate()
    check(not os.path.exists(path), "the pid file stayed")


def test_nobody_reads_the_log(lab):
    """A log whose reader went away is no reason to end."""
    reader, writer = os.pipe()
    daemon = lab.start(lab.switch, WEFTD, "--socket", lab.socket, "--workers", lab.workers, "--config",
                       lab.file("weft.conf", ""), stdout=subprocess.DEVNULL, stderr=writer)
    os.close(writer)
    said = b""
    while not said.endswith(b"ready\n"):
        check(block := os.read(reader, 4096), f"weftd ended: {said}")
        said += block
    os.close(reader)
    for _ in range(3):
        daemon.send_signal(signal.SIGHUP)
        time.sleep(0.1)
    lab.weft("show", "version")
    daemon.send_signal(signal.SIGTERM)
    equal(daemon.wait(5), 0, "exit status")


def test_socket_file_lost(lab):
    """A daemon that lives keeps its socket's path and its TAPs though the file was removed."""
    first = lab.weftd("port add n up type null\n")
    os.unlink(lab.socket)
    second = lab.weftd("", wait=False)
    equal(second.wait(10), 3, "exit status of the second")
    check("its weftd lives" in second.text() and str(first.pid) in second.text(), second.text())
    check("n" in lab.switch.links(), "the TAP is gone")
    check(first.process.poll() is None, "the first ended")


def test_too_many_queues(lab):
    """Receive rings that would take nearly all packet buffers are refused, and what runs goes on."""
    lab.host("a")
    lab.weftd("")
    said = lab.refused("port", "add", "a", "up", "type", "af_packet", "dev", "va", "rxq", "1000")
    check("packet buffers" in said and "rxq" in said, said)
    lab.weft("port", "add", "a", "up", "type", "af_packet", "dev", "va", "rxq", "2")


def test_log_that_nobody_reads(lab):
    """A standard error that is full does not stop the daemon."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    config = lab.file("weft.conf", "port add n up type null\n")
    child = lab.switch.start(WEFTD, "--socket", lab.socket, "--workers", lab.workers, "--config", config,
                             stdout=subprocess.DEVNULL, stderr=writing)
    lab.children.append(child)
    wait_for(lambda: "null" in lab.weft("port", "show", status=None), "an answer", 20)
    for _ in range(200):
        child.send_signal(signal.SIGHUP)
        check(lab.json("port", "show"), "an answer beside lines that nobody reads")
    os.read(reading, 4096)
    child.send_signal(signal.SIGHUP)
    seen = b""

    def told():
        nonlocal seen
        if select.select([reading], [], [], 0)[0]:
            seen += os.read(reading, 4096)
        return b"lines were lost" in seen

    wait_for(told, "how many lines were lost, once there is room")
    child.send_signal(signal.SIGTERM)
    equal(child.wait(5), 0, "exit status")
    os.close(reading)
    os.close(writing)
