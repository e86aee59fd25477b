"""A gateway between hosts a and b inside and o outside: weft, or beside it the test's kernel with the same addresses."""

import os
import subprocess
import threading

import frames
from lab import run, wait_for
from test_route import router

INSIDE = {"a": ("10.0.1.2", "2001:db8:1::2"), "b": ("10.0.2.2", "2001:db8:2::2")}
OUTSIDE = ("10.0.3.2", "2001:db8:3::2")
GATEWAY = ("10.0.3.1", "2001:db8:3::1")
FAMILIES = ("iptables", "ip6tables")


def weft_gateway(lab, config=""):
    """Hosts a, b and o of weft; devices of its namespace have the ports' names."""
    hosts = router(lab, config, "abo")
    for address in (*OUTSIDE, *INSIDE["b"]):
        hosts[0].reaches(address)
    return hosts


def kernel_gateway(lab, roles="abo", prefix="dev", ipv6=False):
    """The same of the kernel, in namespaces of their own. Returns the gateway and its hosts."""
    gate, hosts = lab.namespace("k"), []
    gate.sysctl("net.ipv4.ip_forward", 1)
    for number, role in enumerate(roles, 1):
        device = prefix + role
        host = lab.namespace(f"k{device}")
        gate.ip("link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        gate.ip("addr", "add", f"10.0.{number}.1/24", "dev", device)
        gate.ip("link", "set", device, "up")
        host.ip("addr", "add", f"10.0.{number}.2/24", "dev", "eth0")
        host.ip("link", "set", "eth0", "up")
        host.ip("route", "add", "default", "via", f"10.0.{number}.1")
        if ipv6:
            gate.sysctl("net.ipv6.conf.all.forwarding", 1)
            gate.ip("addr", "add", f"2001:db8:{number}::1/64", "dev", device, "nodad")
            host.ip("addr", "add", f"2001:db8:{number}::2/64", "dev", "eth0", "nodad")
            host.ip("-6", "route", "add", "default", "via", f"2001:db8:{number}::1")
        hosts.append(host)
    return gate, hosts


def kernel_rules(lab, gate, text, family="iptables"):
    """Loads a save; the devices are called devX there, for `ip` knows words of one letter."""
    with frames.Inside(gate.name):
        run(f"{family}-legacy-restore", input=text.replace("-o o", "-o devo").replace("-i o", "-i devo"),
            env={**os.environ, "XTABLES_LOCKFILE": os.path.join(lab.folder, "xtables.lock")})


class Program:
    """A Python program in a namespace, whose lines are kept."""

    def __init__(self, lab, host, text):
        self.process = lab.start(host, "python3", "-u", "-c", text, stderr=subprocess.DEVNULL)
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join(1)


# Says to each client who it seems to be.
NGINX = """
daemon off; master_process off; pid {place}/pid; error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {place}; proxy_temp_path {place}; fastcgi_temp_path {place}; uwsgi_temp_path {place}; scgi_temp_path {place};
    server {{ listen 80; listen [::]:80; location / {{ return 200 $remote_addr; }} }}
}}
"""

# Answers datagrams with the sender's address and port.
ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", {port}))
while True:
    data, peer = s.recvfrom(2000)
    s.sendto(("%s %d" % (peer[0].removeprefix("::ffff:"), peer[1])).encode(), peer)
"""

ASK = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.bind(("", int(sys.argv[3])))
s.connect((sys.argv[1], int(sys.argv[2])))
s.send(b"x")
print(s.recv(2000).decode())
"""


def web_server(lab, host):
    place = os.path.join(lab.folder, f"nginx-{host.name}")
    os.mkdir(place)
    server = lab.start(host, "nginx", "-p", place, "-c", lab.file(f"{host.name}.nginx", NGINX.format(place=place)))
    wait_for(lambda: host.run("ss", "-Hltn").count(":80 ") == 2, "nginx listens")
    return server


def who_am_i(host, address, port=80):
    """What a web server says of who asks it; nothing if it does not answer."""
    shape = f"[{address}]" if ":" in address else address
    return host.run("curl", "-s", "--connect-timeout", "3", f"http://{shape}:{port}/", status=None)


def ask(host, address, port, source_port):
    """The same of a program of ECHO, asked from a port: (address, port), or nothing."""
    said = host.run("python3", "-c", ASK, address, str(port), str(source_port), status=None).split()
    return (said[0], int(said[1])) if said else None
