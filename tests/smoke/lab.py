"""A laboratory: namespaces with hosts, one running weftd, and its client. Everything is gone after close()."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import frames

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("WEFT_BUILD", os.path.join(TOP, "build"))
WEFTD = os.path.join(BUILD, "control/publish/weftd")
WEFT = os.path.join(BUILD, "control/cli/weft")
COMPAT = os.path.join(BUILD, "compat")
START_SECONDS = 30


class Failed(AssertionError):
    pass


class Skipped(Exception):
    pass


def stateful(test):
    """Marks a test that runs with one and with two workers."""
    test.workers = (1, 2)
    return test


def check(condition, message):
    if not condition:
        raise Failed(message)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: {got!r} instead of {wanted!r}")


def wait_for(condition, what, seconds=5.0):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise Failed(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)
    return value


def run(*command, status=0, **how):
    """Runs a command and returns its standard output; fails unless it ends with `status` (None: any)."""
    done = subprocess.run(command, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=how.pop("timeout", 60), **how)
    if status is not None and done.returncode != status:
        raise Failed(f"`{' '.join(command)}` ended with {done.returncode}, not {status}: "
                     f"{(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout


class Namespace:
    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def run(self, *command, **how):
        return run("ip", "netns", "exec", self.name, *command, **how)

    def start(self, *command, **how):
        how.setdefault("stdout", subprocess.PIPE)
        how.setdefault("stderr", subprocess.STDOUT)
        return subprocess.Popen(["ip", "netns", "exec", self.name, *command], text=True, errors="replace", **how)

    def ip(self, *words, **how):
        return run("ip", "-n", self.name, *words, **how)

    def link(self, device):
        """What `ip link show` says of a device, or None."""
        shown = self.ip("-d", "-j", "-s", "link", "show", "dev", device, status=None)
        return json.loads(shown)[0] if shown.strip() else None

    def links(self):
        return [link["ifname"] for link in json.loads(self.ip("-j", "link")) if link["ifname"] != "lo"]

    def sysctl(self, name, value):
        self.run("sysctl", "-q", "-w", f"{name}={value}")

    def wire(self, device="eth0"):
        return frames.Wire(self.name, device)

    def ping(self, address, count=3, interval=0.05, size=None, options=()):
        """How many of `count` echo requests were answered."""
        shown = self.run("ping", "-n", "-q", "-c", str(count), "-i", str(interval), "-W", "1",
                         *(["-s", str(size)] if size else []), *options, address, status=None)
        found = [part for part in shown.split(",") if "received" in part]
        return int(found[0].split()[0]) if found else 0

    def reaches(self, address, seconds=10.0):
        wait_for(lambda: self.ping(address, 1) == 1, f"{self.name} reaches {address}", seconds)


class Daemon:
    """A running weftd. Its messages are kept in `log`."""

    def __init__(self, lab, arguments, wait):
        self.lab, self.log = lab, []
        self.begin = time.monotonic()
        self.process = lab.switch.start(WEFTD, *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.pid = self.process.pid
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        if wait:
            end = time.monotonic() + START_SECONDS
            while not self.ready.wait(0.01):
                if self.process.poll() is not None:
                    self.reader.join(1)
                    raise Failed(f"weftd ended with {self.process.returncode} before it was ready")
                check(time.monotonic() < end, "weftd was not ready in time")
            self.seconds_to_ready = time.monotonic() - self.begin

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip())
            if line.split()[-1:] == ["ready"]:
                self.ready.set()

    def text(self):
        return "\n".join(self.log)

    def wait(self, seconds=5.0):
        """Waits for its end; returns the exit status."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"weftd still runs after {seconds:g} s") from None
        self.reader.join(1)
        return status

    def signal(self, number):
        self.process.send_signal(number)

    def terminate(self, seconds=2.0):
        begin = time.monotonic()
        self.signal(signal.SIGTERM)
        equal(self.wait(seconds), 0, "exit status after SIGTERM")
        return time.monotonic() - begin

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join(1)


class Lab:
    """Namespaces of one test. The switch's own namespace holds the ports' devices and the TAPs."""

    serial = 0

    def __init__(self, workers=1):
        Lab.serial += 1
        self.prefix = f"weft{os.getpid()}x{Lab.serial}"
        self.folder = tempfile.mkdtemp(prefix="weft-test-")
        os.chmod(self.folder, 0o755)
        self.socket = os.path.join(self.folder, "weft.sock")
        self.namespaces, self.daemons, self.children, self.wires = {}, [], [], []
        cpus = sorted(os.sched_getaffinity(0))
        if workers > len(cpus):
            raise Skipped(f"{workers} workers need as many CPUs")
        # The last CPUs, as weftd itself would choose.
        self.workers = ",".join(str(cpu) for cpu in cpus[-workers:])
        try:
            self.switch = self.namespace("sw")
        except BaseException:
            self.close()
            raise

    # --- building ---

    def namespace(self, role):
        made = Namespace(f"{self.prefix}-{role}")
        self.namespaces[role] = made
        return made

    def host(self, role, *addresses, mtu=None):
        """A namespace with eth0, whose other end lies in the switch's namespace as v<role>."""
        made = self.namespace(role)
        made.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        size = ["mtu", str(mtu)] if mtu else []
        self.switch.ip("link", "add", f"v{role}", *size, "type", "veth", "peer", "name", "eth0", *size,
                       "netns", made.name)
        for address in addresses:
            made.ip("addr", "add", address, "dev", "eth0")
        made.ip("link", "set", "eth0", "up")
        return made

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as out:
            out.write(text)
        return path

    def wire(self, role, device="eth0"):
        made = self.namespaces[role].wire(device)
        self.wires.append(made)
        return made

    def start(self, namespace, *command, **how):
        """A program that runs beside the test until the test ends."""
        child = namespace.start(*command, **how)
        self.children.append(child)
        return child

    # --- weft ---

    def weftd(self, config=None, *arguments, wait=True, socket=None):
        """Starts weftd with a configuration (text) in the switch's namespace and waits until it is ready."""
        words = ["--socket", socket or self.socket, "--workers", self.workers]
        if config is not None:
            words += ["--config", self.file("weft.conf", config)]
        daemon = Daemon.__new__(Daemon)
        self.daemons.append(daemon)
        daemon.log, daemon.process = [], None
        daemon.__init__(self, [*words, *arguments], wait)
        return daemon

    def weft(self, *words, status=0, **how):
        """Runs the client; returns what it printed."""
        return run(WEFT, "-s", self.socket, *words, status=status, **how)

    @contextlib.contextmanager
    def connect(self):
        """One connection of the API: yields a function that sends a command's words and returns the answer."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(30)
            link.connect(self.socket)
            answers = link.makefile("r")

            def ask(*words):
                link.sendall(json.dumps({"argv": words}).encode() + b"\n")
                line = answers.readline()
                check(line, f"the connection was closed at `{' '.join(words)}`")
                return json.loads(line)

            yield ask

    def refused(self, *words, status=2, **how):
        """Runs a command that must fail with `status`; returns the message."""
        done = subprocess.run([WEFT, "-s", self.socket, *words], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=30, **how)
        check(done.returncode == status, f"`weft {' '.join(words)}` ended with {done.returncode}, not {status}: "
              f"{done.stderr.strip() or done.stdout.strip()}")
        check(done.stderr.strip(), f"`weft {' '.join(words)}` failed without a word")
        return done.stderr

    def json(self, *words):
        shown = self.weft("-j", *words)
        try:
            return json.loads(shown)
        except ValueError:
            raise Failed(f"`weft -j {' '.join(words)}` is not JSON: {shown[:300]}") from None

    def drops(self, reason, interface=None):
        """Packets dropped for a reason, over all interfaces or of one."""
        return sum(row["packets"] for row in self.json("show", "drops")
                   if row["reason"] == reason and interface in (None, row["ifname"]))

    def learned(self, bridge="br0"):
        """MAC address -> port of the learned entries."""
        return {row["mac"]: row["ifname"] for row in self.json("bridge", "fdb", "show", "br", bridge)
                if row.get("state") not in ("permanent", "static")}

    def bridge(self, *roles, options="", extra=""):
        """Hosts 10.0.0.1, .2, … on ports of br0; starts weftd. Returns the hosts."""
        hosts = [self.host(role, f"10.0.0.{number}/24") for number, role in enumerate(roles, 1)]
        self.weftd(bridge_config(*roles, options=options) + extra)
        return hosts

    # --- the end ---

    def evidence(self):
        """What helps to understand a failure."""
        said = []
        for number, daemon in enumerate(self.daemons):
            state = daemon.process.poll() if daemon.process else "not started"
            said += [f"weftd {number} (status {state}) said:", *daemon.log[-30:]]
        if any(daemon.process and daemon.process.poll() is None for daemon in self.daemons):
            for words in (("show", "drops"), ("ip", "-s", "link"), ("bridge", "fdb")):
                try:
                    said += [f"weft {' '.join(words)}:", self.weft(*words, status=None, timeout=3).rstrip()]
                except subprocess.TimeoutExpired:
                    said.append("    (no answer)")
        return "\n".join(said)

    def close(self):
        for wire in self.wires:
            wire.close()
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()
        for daemon in self.daemons:
            if daemon.process:
                daemon.kill()
                daemon.process.stderr.close()
        for namespace in self.namespaces.values():
            run("ip", "netns", "del", namespace.name, status=None)
        shutil.rmtree(self.folder, ignore_errors=True)


def port_line(role, options=""):
    return f"port add {role} up type af_packet dev v{role} {options}".rstrip() + "\n"


def bridge_config(*roles, options=""):
    """Ports of these names on v<role>, all members of br0."""
    return ("".join(port_line(role) for role in roles) + f"ip link add br0 up type bridge {options}".rstrip() + "\n"
            + "".join(f"ip link set {role} master br0\n" for role in roles))
