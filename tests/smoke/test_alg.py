"""FTP and TFTP through translation, by the helpers: real servers and clients, beside the test's kernel with the same rules."""

import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import time

from gateway import FAMILIES, GATEWAY, INSIDE, OUTSIDE, Program, kernel_gateway, kernel_rules, weft_gateway
from lab import COMPAT, check, equal, stateful, wait_for
from test_conntrack import conntrack

SIZE = 300_000
FTP_MODES = {"PORT": ["--disable-eprt", "--ftp-port", "-"], "EPRT": ["--ftp-port", "-"],
             "PASV": ["--disable-epsv", "--no-ftp-skip-pasv-ip"], "EPSV": []}


def rules(helper, protocol, port, nat, extra=""):
    """What is new passes only to the service; of the rest a firewall lets pass what is RELATED."""
    return (f"*raw\n-A PREROUTING -p {protocol} --dport {port} -j CT --helper {helper}\nCOMMIT\n"
            f"*nat\n{nat}\nCOMMIT\n"
            f"*filter\n:FORWARD DROP\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
            f"-A FORWARD -p {protocol} --dport {port} -j ACCEPT\n{extra}COMMIT\n")


def content(path):
    with open(path, "rb") as opened:
        return opened.read()


class Files:
    """A folder that a server offers, with a file to get and a place to put one, and what the client has."""

    def __init__(self, lab, name):
        self.top = os.path.join(lab.folder, name)
        self.place = os.path.join(self.top, "in")
        os.makedirs(self.place)
        os.chmod(self.top, 0o755)
        self.to_put, self.got = (os.path.join(lab.folder, f"{name}.{end}") for end in ("put", "got"))
        for path in (os.path.join(self.top, "file"), self.to_put):
            with open(path, "wb") as made:
                made.write(os.urandom(SIZE))

    def move(self, host, url, options):
        """Gets the file and puts another one. Returns what curl and the server said to each other."""
        shown = []
        for words in (["-o", self.got, f"{url}/file"], ["-T", self.to_put, f"{url}/in/file"]):
            done = subprocess.run(["ip", "netns", "exec", host.name, "curl", "-sSv", "-m", "8", *options, *words], capture_output=True,
                                  text=True, errors="replace", timeout=20)
            check(done.returncode == 0, f"curl {options} {words[-1]} in {host.name}: {done.stderr[-1500:]}")
            shown += re.findall(r"^([<>] .*?)\r?$", done.stderr, re.M)
        check(content(self.got) == content(os.path.join(self.top, "file")), "the file that came is not the server's")
        check(content(os.path.join(self.place, "file")) == content(self.to_put), "the file that went is not the client's")
        os.remove(self.got)
        os.remove(os.path.join(self.place, "file"))
        return shown


class Vsftpd(Files):
    def __init__(self, lab, host):
        super().__init__(lab, f"ftp-{host.name}")
        shutil.chown(self.place, "ftp")
        self.log = os.path.join(lab.folder, f"{host.name}.log")
        said = {"listen": "NO", "listen_ipv6": "YES", "background": "NO", "anonymous_enable": "YES", "no_anon_password": "YES", "anon_root": self.top,
                "write_enable": "YES", "anon_upload_enable": "YES", "anon_umask": "022", "anon_other_write_enable": "YES",
                "connect_from_port_20": "YES", "seccomp_sandbox": "NO", "isolate_network": "NO",
                "secure_chroot_dir": self.top, "vsftpd_log_file": self.log, "xferlog_std_format": "NO", "log_ftp_protocol": "YES",
                "xferlog_enable": "YES"}
        config = lab.file(f"{host.name}.conf", "".join(f"{name}={value}\n" for name, value in said.items()))
        self.process = lab.start(host, "vsftpd", config)
        wait_for(lambda: ":21 " in host.run("ss", "-Hltn"), "vsftpd listens")

    def heard(self):
        """The commands that open a door, as the server got them since the last time."""
        with open(self.log) as opened:
            lines = re.findall(r'FTP command: Client "[^"]*", "((?:PORT|EPRT|PASV|EPSV)[^"]*)"', opened.read())
        open(self.log, "w").close()
        return lines

    def end(self):
        self.process.terminate()
        self.process.wait(5)


def without_ports(lines):
    """The lines that open doors; ports are as chance has it."""
    doors = [line for line in lines if re.match(r"([<>] )?(227|229|PORT|EPRT|PASV|EPSV)", line)]
    return [re.sub(r"\|\d+\|(?=\)?$)", "|P|", re.sub(r"((\d+,){4})\d+,\d+", r"\1P", line)) for line in doors]


def both(*calls):
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [done.result() for done in [pool.submit(call) for call in calls]]


def url(scheme, address, port=None):
    return f"{scheme}://" + (f"[{address}]" if ":" in address else address) + (f":{port}" if port else "")


def load(lab, text, family="iptables"):
    lab.weft(f"{family}-restore", input=text)


@stateful
def test_ftp_in_four_modes(lab):
    """PORT, EPRT, PASV and EPSV by a client inside behind MASQUERADE and SNAT, and of a server inside behind DNAT, also
    at another port: files are whole, and both ends see the addresses that they see through the kernel."""
    weft = weft_gateway(lab)
    gate, kernel = kernel_gateway(lab)
    servers = {host: Vsftpd(lab, host) for hosts in (weft, kernel) for host in (hosts[0], hosts[2])}
    to_a = f"-A PREROUTING -d {GATEWAY[0]} -p tcp --dport %d -j DNAT --to-destination {INSIDE['a'][0]}:21"
    scenes = [("client behind MASQUERADE", "-A POSTROUTING -o o -j MASQUERADE", 0, 2, OUTSIDE[0], None),
              ("client behind SNAT", "-A POSTROUTING -o o -j SNAT --to-source 203.0.113.7", 0, 2, OUTSIDE[0], None),
              ("server behind DNAT", to_a % 21, 2, 0, GATEWAY[0], None),
              ("server behind DNAT of another port", to_a % 2121, 2, 0, GATEWAY[0], 2121)]
    for name, nat, client, server, address, port in scenes:
        text = rules("ftp", "tcp", port or 21, nat, "-A FORWARD -p tcp --dport 21 -j ACCEPT\n")
        load(lab, text)
        kernel_rules(lab, gate, text)
        for mode, options in FTP_MODES.items():
            said = both(*(lambda hosts=hosts: servers[hosts[server]].move(hosts[client], url("ftp", address, port), options)
                          for hosts in (weft, kernel)))
            heard = [servers[hosts[server]].heard() for hosts in (weft, kernel)]
            check(any(mode in line for line in said[0]), f"{name}: {mode} was not used: {said[0]}")
            equal(without_ports(said[0]), without_ports(said[1]), f"{name}, {mode}: what the client sees")
            equal(without_ports(heard[0]), without_ports(heard[1]), f"{name}, {mode}: what the server sees")
            check(client == 2 or len(heard[0]) == 2, f"{name}, {mode}: the server was asked for {heard[0]}")
            equal(conntrack(lab, "-C", "expect")[0].strip(), "0", "expectations that were not met")
    for one in servers.values():
        one.end()


@stateful
def test_ftp_of_ipv6(lab):
    """EPRT and EPSV through NAT66, both ways."""
    a, _, o = weft_gateway(lab)
    servers = {host: Vsftpd(lab, host) for host in (a, o)}
    for name, nat, client, server, address in (
            ("client inside", "-A POSTROUTING -o o -j MASQUERADE", a, o, OUTSIDE[1]),
            ("server inside", f"-A PREROUTING -d {GATEWAY[1]} -p tcp --dport 21 -j DNAT --to-destination {INSIDE['a'][1]}", o, a, GATEWAY[1])):
        load(lab, rules("ftp", "tcp", 21, nat), "ip6tables")
        for mode in ("EPRT", "EPSV"):
            said = servers[server].move(client, url("ftp", address), FTP_MODES[mode])
            check(any(line.startswith(f"> {mode}") for line in said), f"{name}: {mode} was not used: {said}")
            if (heard := servers[server].heard()) and mode == "EPRT" and client is a:
                check(all(line.startswith("EPRT |2|2001:0db8:0003:0000:0000:0000:0000:0001|") for line in heard), f"the server heard {heard}")
        equal(conntrack(lab, "-C", "expect")[0].strip(), "0", "expectations that were not met")
    for one in servers.values():
        one.end()


def tftp_server(lab, host):
    files = Files(lab, f"tftp-{host.name}")
    os.chmod(files.place, 0o777)
    files.process = lab.start(host, "in.tftpd", "-L", "-c", "-p", "-u", "nobody", "-a", ":69", "-s", files.top)
    wait_for(lambda: ":69 " in host.run("ss", "-Hlun"), "tftpd listens")
    return files


@stateful
def test_tftp(lab):
    """A client inside and a server inside: answers come from a port that nobody was told of."""
    weft = weft_gateway(lab)
    gate, kernel = kernel_gateway(lab)
    servers = {host: tftp_server(lab, host) for hosts in (weft, kernel) for host in (hosts[0], hosts[2])}
    scenes = [("iptables", "client inside", "-A POSTROUTING -o o -j MASQUERADE", 0, 2, OUTSIDE[0]),
              ("iptables", "server inside", f"-A PREROUTING -d {GATEWAY[0]} -p udp --dport 69 -j DNAT --to-destination {INSIDE['a'][0]}", 2, 0,
               GATEWAY[0]),
              ("ip6tables", "client inside", "-A POSTROUTING -o o -j MASQUERADE", 0, 2, OUTSIDE[1]),
              ("ip6tables", "server inside", f"-A PREROUTING -d {GATEWAY[1]} -p udp --dport 69 -j DNAT --to-destination {INSIDE['a'][1]}", 2,
               0, GATEWAY[1])]
    for family, name, nat, client, server, address in scenes:
        text = rules("tftp", "udp", 69, nat)
        load(lab, text, family)
        sides = [weft]
        if family == FAMILIES[0]:
            kernel_rules(lab, gate, text)
            sides.append(kernel)
        both(*(lambda hosts=hosts: servers[hosts[server]].move(hosts[client], url("tftp", address), [])
               for hosts in sides))
        equal(conntrack(lab, "-C", "expect")[0].strip(), "0", f"{name}: expectations that were not met")
    for one in servers.values():
        one.process.terminate()


@stateful
def test_no_helper_no_door(lab):
    """Without the rule of the table raw nothing is RELATED: data of an active client is dropped, RFC 4787 REQ-10."""
    a, _, o = weft_gateway(lab)
    server = Vsftpd(lab, o)
    text = rules("ftp", "tcp", 21, "-A POSTROUTING -o o -j MASQUERADE")
    load(lab, text[text.index("*nat"):])
    shown = a.run("curl", "-sS", "-m", "2", f"ftp://{OUTSIDE[0]}/file", status=None)
    equal(shown, "", "what comes without a helper")
    load(lab, text)
    server.move(a, url("ftp", OUTSIDE[0]), [])
    server.end()


# Speaks FTP and asks for a door that nobody comes by.
ASKS = """
import socket, time
c = socket.socket()
c.bind(("{inside}", {port}))
c.connect(("{outside}", 21))
for line in ("", "USER anonymous", "PASS x", "PORT " + "{inside}".replace(".", ",") + ",20,{low}"):
    if line:
        c.sendall(line.encode() + b"\\r\\n")
    print(c.recv(2000).decode().split()[0])
time.sleep(100)
"""


class Real:
    """The real conntrack in the kernel's gateway, and weft's."""

    def __init__(self, lab, gate):
        self.lab, self.gate = lab, gate

    def theirs(self, *words):
        done = subprocess.run(["ip", "netns", "exec", self.gate.name, "conntrack", *words], capture_output=True, text=True, timeout=20)
        return done.stdout, done.stderr, done.returncode

    def same(self, *words):
        """Runs both; returns what they print, the time left apart."""
        wanted = self.theirs(*words)
        got = conntrack(self.lab, *words, status=wanted[2])
        for at in (0, 1):
            lines = [sorted(re.sub(r"^\d+ proto", "T proto", line) for line in text[at].splitlines()) for text in (got, wanted)]
            equal(lines[0], lines[1], f"conntrack {' '.join(words)}")
        return wanted[0]

    def follow(self):
        self.listeners = [subprocess.Popen([*command, "-E", "expect"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                           env={**os.environ, "WEFT_SOCKET": self.lab.socket})
                          for command in ([os.path.join(COMPAT, "conntrack")], ["ip", "netns", "exec", self.gate.name, "conntrack"])]
        time.sleep(0.5)

    def followed(self):
        time.sleep(0.3)
        for one in self.listeners:
            one.send_signal(signal.SIGINT)
        return [one.communicate(timeout=10) for one in self.listeners]


@stateful
def test_expectations_as_the_real_program(lab):
    """conntrack -L, -G, -D, -E, -C and -F expect beside the real program's, of the same clients' commands."""
    weft = weft_gateway(lab)
    gate, kernel = kernel_gateway(lab)
    servers = [Vsftpd(lab, hosts[2]) for hosts in (weft, kernel)]
    text = rules("ftp", "tcp", 21, "-A POSTROUTING -o o -j SNAT --to-source 203.0.113.7")
    load(lab, text)
    kernel_rules(lab, gate, text)
    real = Real(lab, gate)
    real.same("-L", "expect")
    real.follow()
    clients = []
    for port in (4001, 4002, 4003):
        for hosts in (weft, kernel):
            clients.append(Program(lab, hosts[0], ASKS.format(inside=INSIDE["a"][0], outside=OUTSIDE[0], port=port, low=port % 256)))
            wait_for(lambda: clients[-1].lines[-1:] == ["200"], "the door is asked for")
    equal(len(real.same("-L", "expect").splitlines()), 3, "expectations")
    equal(real.same("-C", "expect"), "3\n", "the count")
    of_tuple = ("expect", "-p", "tcp", "-s", OUTSIDE[0], "-d", "203.0.113.7", "--sport", "20", "--reply-port-src", "1", "--reply-port-dst",
                "1", "--dport")
    check(real.same("-G", *of_tuple, str(20 * 256 + 4001 % 256)), "-G finds none")
    for port in (20 * 256 + 4002 % 256, 1):
        real.same("-G", *of_tuple, str(port))
        real.same("-D", *of_tuple, str(port))
    equal(real.same("-C", "expect"), "2\n", "the count after -D")
    for words in ("-G expect", "-D expect -p tcp -s 10.0.3.2 -d 10.0.1.2", "-G expect -p 99 -s 10.0.3.2 -d 10.0.1.2", "-L expect -p tcp",
                  "-E expect -e NEW", "-E expect -p tcp", "-F expect -s 10.0.0.1", "-C expect -f ipv4", "-L expect -b 5",
                  "-G expect -p icmp -s 10.0.3.2 -d 10.0.1.2 --icmp-type 8", "-G expect -p 47 -s 10.0.3.2 -d 10.0.1.2 --srckey 5"):
        real.same(*words.split())
    conntrack(lab, "-D", "-p", "tcp", "--sport", "4001"), real.theirs("-D", "-p", "tcp", "--sport", "4001")
    equal(real.same("-C", "expect"), "1\n", "the count after the end of a master")
    real.same("-F", "expect")
    real.same("-L", "expect")
    ours, theirs = real.followed()
    without_seconds = [re.sub(r"\] \d+ proto", "] T proto", said[0]).splitlines() for said in (ours, theirs)]
    equal(without_seconds[0], without_seconds[1], "conntrack -E expect")
    equal(ours[1], theirs[1], "what -E says at its end")
    for one in (*clients, *servers):
        one.kill() if isinstance(one, Program) else one.end()
