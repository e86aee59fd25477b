"""The JSON-lines socket: answers, order, streams, rights, bad requests."""

import json
import os
import socket
import subprocess

from lab import WEFT, check, equal


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect(path)
        self.file = self.socket.makefile("r")

    def raw(self, data):
        self.socket.sendall(data)
        return json.loads(self.file.readline())

    def ask(self, *argv, **more):
        return self.raw(json.dumps({"id": 7, "argv": argv, **more}).encode() + b"\n")


def test_answers(lab):
    """Text, data, refusals and bad command lines have the contract's fields."""
    lab.weftd("port add n up type null\n")
    api = Connection(lab.socket)
    answer = api.ask("port", "show")
    check(answer["id"] == 7 and answer["ok"] is True and answer["exit"] == 0 and "n" in answer["text"], f"{answer}")
    for answer in (api.ask("port", "show", json=True), api.ask("-j", "port", "show")):
        equal([row["ifname"] for row in answer["data"]], ["n"], "data")
    answer = api.ask("port", "del", "nosuch")
    check(not answer["ok"] and answer["exit"] == 2 and "nosuch" in answer["error"], f"{answer}")
    answer = api.ask("port", "nonsense")
    check(not answer["ok"] and answer["exit"] == 1 and answer["column"] == 6, f"{answer}")


def test_lines_are_data(lab):
    """What has no fields is the array of its lines: save, diff, brctl, sysctl."""
    lab.weftd("port add n up type null\nip link add br0 type bridge\n")
    api = Connection(lab.socket)
    text = api.ask("save")["text"]
    equal(api.ask("save", json=True).get("data"), text.splitlines(), "data of save")
    equal(api.ask("-j", "save").get("data"), text.splitlines(), "data of -j save")
    equal(api.ask("diff", "x", stdin="port add n up type null\n", json=True).get("data"), ["-ip link add br0 type bridge"],
          "data of diff")
    equal(api.ask("brctl", "show", json=True)["data"][1].split()[0], "br0", "data of brctl show")
    equal(api.ask("sysctl", "net.ipv4.ip_forward", json=True)["data"], ["net.ipv4.ip_forward = 1"], "data of sysctl")


def test_order(lab):
    """Requests of one connection are answered in order, however they arrive."""
    lab.weftd("")
    api = Connection(lab.socket)
    lines = b"".join(json.dumps({"id": n, "argv": ["show", "version"]}).encode() + b"\n" for n in range(100))
    for at in range(0, len(lines), 777):
        api.socket.sendall(lines[at:at + 777])
    equal([json.loads(api.file.readline())["id"] for _ in range(100)], list(range(100)), "ids of the answers")


def test_bad_requests(lab):
    """What is no request is answered with an error or the connection ends; the daemon goes on."""
    lab.weftd("")
    for data in (b"nonsense\n", b"{}\n", b"[]\n", b'{"id":1}\n', b'{"id":1,"argv":5}\n', b'{"id":1,"argv":[1]}\n',
                 b'{"id":1,"argv":[]}\n', b"\xff\xfe\n", b"[" * 100000 + b"\n"):
        api = Connection(lab.socket)
        try:
            answer = api.raw(data)
            check(not answer["ok"] and answer["error"], f"{data[:20]!r} was answered {answer}")
        except (ValueError, ConnectionError):
            pass
    equal(Connection(lab.socket).ask("show", "version")["ok"], True, "answer afterwards")


def test_silent_clients(lab):
    """Clients that connect and say nothing, or half a line, keep nobody waiting."""
    lab.weftd("")
    idle = [Connection(lab.socket) for _ in range(20)]
    for api in idle:
        api.socket.sendall(b'{"id":1,')
    equal(Connection(lab.socket).ask("show", "version")["ok"], True, "answer beside idle clients")
    lab.daemons[0].terminate(2)


def as_nobody(lab, *words):
    return subprocess.run(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", WEFT, "-s", lab.socket,
                           *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10)


def test_rights(lab):
    """Others are refused, members of the socket's group may read, nobody but root and the owner may write."""
    lab.weftd("port add n up type null\n")
    done = as_nobody(lab, "port", "show")
    check(done.returncode == 3 or done.returncode == 2, f"a stranger got status {done.returncode}: {done.stdout}")
    os.chown(lab.socket, 0, 65534)  # nogroup
    os.chmod(lab.socket, 0o660)
    done = as_nobody(lab, "port", "show")
    check(done.returncode == 0 and "n" in done.stdout, f"a group member may not read: {done.stderr}")
    done = as_nobody(lab, "port", "del", "n")
    equal(done.returncode, 2, f"status of a group member's change ({done.stderr})")
    os.chmod(lab.socket, 0o666)
    os.chown(lab.socket, 0, 0)
    done = as_nobody(lab, "port", "show")
    check(done.returncode != 0, "a stranger may read when the file's mode is open")


def test_words_for_later(lab):
    """Words of the language that this version lacks are refused by name, streams too."""
    lab.weftd("")
    api = Connection(lab.socket)
    for argv in (["conntrack", "-E", "-b", "5"], ["ebtables", "-L"], ["tc", "qdisc"]):
        answer = api.ask(*argv)
        check(not answer["ok"] and argv[0] in answer["error"], f"{argv}: {answer}")
