"""Routing daemons in namespaces: FRR, BIRD and keepalived, each with its files in the laboratory's folder."""

import json
import os
import shutil
import signal

from lab import run, wait_for

FRR = "/usr/lib/frr"


class Frr:
    """FRR's daemons in one namespace; `conf` has each daemon's configuration by its name. zebra starts first."""

    def __init__(self, lab, role, **conf):
        self.lab, self.role, self.running = lab, role, {}
        self.folder = os.path.join(lab.folder, f"frr-{role}")
        os.mkdir(self.folder)
        for daemon, text in conf.items():
            with open(os.path.join(self.folder, f"{daemon}.conf"), "w") as file:
                file.write(f"hostname {role}\n{text}")
        for path in (self.folder, *(os.path.join(self.folder, name) for name in os.listdir(self.folder))):
            shutil.chown(path, "frr", "frr")  # they give up root
        for daemon in conf:
            self.start(daemon)

    def start(self, daemon, *more):
        """Starts a daemon and waits until it answers; it runs until the test ends."""
        words = [f"{FRR}/{daemon}", "-f", f"{self.folder}/{daemon}.conf", "-i", f"{self.folder}/{daemon}.pid", "-z",
                 f"{self.folder}/zserv", "--vty_socket", self.folder, "-P", "0", "--log", f"file:{self.folder}/{daemon}.log", *more]
        if daemon == "bfdd":
            words += ["--bfdctl", f"{self.folder}/bfdd.sock"]
        with open(os.path.join(self.folder, f"{daemon}.out"), "a") as output:
            self.running[daemon] = self.lab.start(self.lab.namespaces[self.role], *words, stdout=output)
        wait_for(lambda: self.vtysh("show version", daemon).strip(), f"{daemon} of {self.role} answers")

    def kill(self, daemon):
        """kill -9, as a crash."""
        self.running[daemon].kill()
        self.running[daemon].wait()

    def vtysh(self, command, daemon="zebra", status=None):
        return run("vtysh", "--vty_socket", self.folder, "-d", daemon, "-c", command, status=status)

    def json(self, command, daemon="zebra"):
        shown = self.vtysh(command, daemon)
        return json.loads(shown) if shown.strip().startswith("{") else {}

    def list(self, command, daemon):
        shown = self.vtysh(command, daemon)
        return json.loads(shown) if shown.strip().startswith("[") else []

    def configure(self, daemon, *lines):
        words = [word for line in ("configure terminal", *lines) for word in ("-c", line)]
        run("vtysh", "--vty_socket", self.folder, "-d", daemon, *words)


class Bird:
    """BIRD in one namespace, with devices, kernel tables and `text`."""

    COMMON = """router id {router};
protocol device {{ scan time 1; }}
protocol kernel {{ ipv4 {{ export where source != RTS_DEVICE; }}; merge paths yes; }}
protocol kernel {{ ipv6 {{ export where source != RTS_DEVICE; }}; merge paths yes; }}
"""

    def __init__(self, lab, role, router, text):
        self.socket = os.path.join(lab.folder, f"bird-{role}.ctl")
        conf = lab.file(f"bird-{role}.conf", self.COMMON.format(router=router) + text)
        self.process = lab.start(lab.namespaces[role], "bird", "-f", "-c", conf, "-s", self.socket)
        wait_for(lambda: "Daemon is up" in self.ask("show", "status"), f"BIRD of {role} answers")

    def ask(self, *words):
        return run("birdc", "-s", self.socket, *words, status=None)

    def stop(self):
        """It takes its routes back from its peers and from the kernel."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


class Keepalived:
    """keepalived in one namespace. It ends with what it made taken back; its child processes end with it."""

    def __init__(self, lab, role, text):
        conf = lab.file(f"keepalived-{role}.conf", text)
        words = [word for name in ("pid", "vrrp_pid", "checkers_pid")
                 for word in (f"--{name}", os.path.join(lab.folder, f"keepalived-{role}.{name}"))]
        with open(os.path.join(lab.folder, f"keepalived-{role}.log"), "a") as output:
            self.process = lab.start(lab.namespaces[role], "keepalived", "--dont-fork", "--vrrp", "--log-console", "-f", conf, *words,
                                     stdout=output)

    def stop(self):
        """It says good-bye to its peers (RFC 5798 6.4.3: priority 0)."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
