"""The interactive shell on a terminal, completion, manual pages."""

import os
import pty
import select
import subprocess
import time

from lab import BUILD, TOP, WEFT, WEFTD, check, equal, run, wait_for


class Terminal:
    """weft's shell on a pseudo-terminal."""

    def __init__(self, lab, **environment):
        home = os.path.join(lab.folder, "home")
        os.makedirs(home, exist_ok=True)
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([WEFT, "-s", lab.socket], stdin=slave, stdout=slave, stderr=slave,
                                        start_new_session=True,
                                        env={**os.environ, "HOME": home, "TERM": "xterm", **environment})
        os.close(slave)
        lab.children.append(self.process)

    def read_until(self, text, seconds=5):
        seen, end = "", time.monotonic() + seconds
        while text not in seen:
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            check(ready, f"the shell did not print {text!r} but {seen!r}")
            seen += os.read(self.master, 65536).decode(errors="replace")
        return seen

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        self.type("exit\r")
        status = self.process.wait(5)
        os.close(self.master)
        return status


def test_completion_and_help(lab):
    """The tabulator completes words and the names of links that are there; "?" shows what may come."""
    lab.weftd("port add uplink up type null\n")
    shell = Terminal(lab)
    shell.read_until("weft> ")
    shell.type("sho\t")
    shell.type("vers\t\r")
    shell.read_until("DPDK")
    shell.type("show ?")
    shell.read_until("show workers  - ")
    for typed, line in (("port add x type ", "    memif"), ("tcpdump -i ", "uplink any"), ("ip link set dev ", ": uplink"),
                        ("ip link set dev uplink ", "    nomaster"), ("explain uplink ip ", "    <SRC:ip4>  an IPv4 address")):
        shell.type(f"\x15{typed}?")
        shell.read_until(line)
    shell.type("\x15port del upl\t\r")
    wait_for(lambda: not lab.json("port", "show"), "the port whose name was completed is deleted")
    equal(shell.end(), 0, "exit status")


def test_history(lab):
    """What was typed is there in the next shell, in a file of its owner's alone."""
    lab.weftd("")
    shell = Terminal(lab)
    shell.read_until("weft> ")
    shell.type("show version\r")
    shell.read_until("DPDK")
    shell.end()
    file = os.path.join(lab.folder, "home/.weft_history")
    equal(os.stat(file).st_mode & 0o077, 0, "rights of others on the history")
    shell = Terminal(lab)
    shell.read_until("weft> ")
    shell.type("\x1b[A\x1b[A\r")  # before it stands "exit"
    shell.read_until("DPDK")
    shell.end()


def test_colours(lab):
    """Errors are red on a terminal, unless NO_COLOR is set; never elsewhere."""
    lab.weftd("")
    for environment, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        shell = Terminal(lab, **environment)
        shell.read_until("weft> ")
        shell.type("nonsense\r")
        equal("\x1b[31m" in shell.read_until("weft> "), coloured, f"red with {environment}")
        shell.end()
    check("\x1b" not in lab.refused("nonsense", status=1), "an escape sequence in a pipe")


def test_interrupt(lab):
    """Ctrl-C ends a stream and not the shell."""
    lab.weftd("port add n up type null\n")
    shell = Terminal(lab)
    shell.read_until("weft> ")
    shell.type("top\r")
    shell.read_until("rx pkt/s")
    wait_for(lambda: True, "a moment")
    shell.process.send_signal(2)
    shell.read_until("weft> ")
    shell.type("show version\r")
    shell.read_until("DPDK")
    shell.end()


def test_bash_completion(lab):
    """bash completes weft's words and links by the file that is installed."""
    lab.weftd("port add uplink up type null\n")
    script = (f'PATH={os.path.dirname(WEFT)}:$PATH; . {TOP}/control/cli/weft.bash; COMP_WORDS=({{words}}); '
              'COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _weft; echo "${{COMPREPLY[@]}}"')
    for words, expected in ((["weft", "port", "s"], "set show"), (["weft", "port", "del", "up"], "uplink"),
                            (["weft", "-s", lab.socket, "tcpdump", "-i", "u"], "uplink")):
        shown = run("bash", "-c", script.format(words=" ".join(words)), env={**os.environ, "WEFT_SOCKET": lab.socket})
        equal(shown.split(), expected.split(), f"completions of {words}")


def test_manual_pages(lab):
    """The three pages are well formed and have every command."""
    pages = {"weft.8": run(WEFT, "--man", "weft"), "weft.conf.5": run(WEFT, "--man", "weft.conf"),
             "weftd.8": run(WEFTD, "--man")}
    for name, page in pages.items():
        text = run("man", "--warnings", "-l", lab.file(name, page), env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C"})
        check("NAME" in text and "SEE ALSO" in text, f"{name}: {text[:200]}")
    check("bridge fdb" in pages["weft.8"] and "show drops" in pages["weft.8"], "commands in weft(8)")
    check("show drops" not in pages["weft.conf.5"] and "port add" in pages["weft.conf.5"], "commands in weft.conf(5)")
    check(os.path.exists(os.path.join(BUILD, "control/cli/weft.8")), "the page of the build")
