"""Virtual machines for the smoke suite: QEMU without KVM, Debian's cloud kernel, busybox and iperf3.

A machine boots in some seconds. Kernel and initial memory disk are made once, in a cache outside the tree."""

import glob
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time

from lab import Failed, Skipped, check, run, wait_for

CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME", "/var/cache"), "weft-tests")
BOOT_SECONDS = 120  # 5 on an idle machine
INIT = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod /$module; done
ip link set lo up
ip link set eth0 up
sysctl -q -w net.ipv6.conf.eth0.accept_dad=0
for word in $(cat /proc/cmdline); do
  case $word in address=*) ip addr add ${word#address=} dev eth0;; esac
done
stty -echo
PS1= PS2= exec setsid cttyhack sh
"""


def fetch_kernel(folder):
    """Unpacks the newest kernel package of Debian's cloud kernels; returns its version."""
    found = re.search(r"Depends: linux-image-(6\.1\S*-cloud-amd64)",
                      run("apt-cache", "depends", "linux-image-cloud-amd64", status=None))
    if not found:
        raise Skipped("apt knows no cloud kernel: apt-get update")
    version = found[1]
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o777)
        if subprocess.run(["apt-get", "download", f"linux-image-{version}"], cwd=place, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, check=False).returncode:
            raise Skipped("the cloud kernel cannot be downloaded")
        run("dpkg-deb", "-x", *glob.glob(place + "/*.deb"), folder)
    return version


def modules_for(root, version, names):
    """Paths of the modules with those that they need, in the order to load them."""
    base, order = os.path.join(root, "lib/modules", version), []
    # modules.dep is made when the package is installed
    run("depmod", "-b", root, version)
    needs = {}
    with open(os.path.join(base, "modules.dep")) as lines:
        for line in lines:
            path, _, others = line.partition(":")
            needs[path] = others.split()
    for name in names:
        for path in needs:
            if os.path.basename(path).startswith(name + ".ko"):
                order += [need for need in reversed([path, *needs[path]]) if need not in order]
    return [os.path.join(base, path) for path in order]


def copy_program(path, root):
    """A program with the libraries that it needs."""
    shutil.copy(path, os.path.join(root, "bin"))
    for library in set(re.findall(r"(/\S+) \(0x", run("ldd", path))):
        target = root + library
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(library, target)


def image():
    """Paths of kernel and memory disk."""
    for program in ("qemu-system-x86_64", "busybox", "cpio", "iperf3", "depmod"):
        if not shutil.which(program):
            raise Skipped(f"{program} is not installed")
    kernel, disk = os.path.join(CACHE, "vmlinuz"), os.path.join(CACHE, "disk-1")
    if os.path.exists(kernel) and os.path.exists(disk):
        return kernel, disk
    os.makedirs(CACHE, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        package, root = os.path.join(place, "package"), os.path.join(place, "root")
        version = fetch_kernel(package)
        for folder in ("bin", "proc", "sys", "dev", "tmp"):
            os.makedirs(os.path.join(root, folder))
        shutil.copy(shutil.which("busybox"), os.path.join(root, "bin"))
        for name in run("busybox", "--list").split():
            if name != "busybox":
                os.symlink("busybox", os.path.join(root, "bin", name))
        copy_program(shutil.which("iperf3"), root)
        loaded = []
        for path in modules_for(package, version, ("virtio_pci", "virtio_net")):
            shutil.copy(path, root)
            loaded.append(os.path.basename(path))
        with open(os.path.join(root, "modules"), "w") as out:
            out.write("\n".join(loaded))
        with open(os.path.join(root, "init"), "w") as out:
            out.write(INIT)
        os.chmod(os.path.join(root, "init"), 0o755)
        made = os.path.join(place, "disk")
        with open(made, "wb") as out:
            names = subprocess.run(["find", "."], cwd=root, stdout=subprocess.PIPE, check=True).stdout
            subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names, stdout=out, check=True)
        shutil.copy(os.path.join(package, "boot", "vmlinuz-" + version), kernel + ".new")
        shutil.copy(made, disk + ".new")
        os.rename(kernel + ".new", kernel)
        os.rename(disk + ".new", disk)
    return kernel, disk


class Machine:
    """A guest with eth0, whose serial line is a shell."""

    def __init__(self, lab, name, address, *netdev, device=""):
        kernel, disk = image()
        self.console = os.path.join(lab.folder, name + ".console")
        self.process = lab.start(
            lab.switch, "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-m", "256",
            "-object", "memory-backend-memfd,id=mem,size=256M,share=on", "-machine", "pc,memory-backend=mem",
            "-chardev", f"socket,id=line,path={self.console},server=on,wait=off", "-serial", "chardev:line",
            *netdev, "-device", f"virtio-net-pci,netdev=net,mac=02:00:00:00:01:{int(address.split('.')[-1]):02x},"
            f"vectors=0{device}", "-kernel", kernel, "-initrd", disk,
            "-append", # without no_timer_check a guest that gets too little CPU for its timer test panics
            f"console=ttyS0 quiet panic=-1 no_timer_check address={address}/24")
        self.name, self.address, self.line, self.said = name, address, None, b""

    def boot(self):
        """Waits for the shell."""
        def connected():
            if self.process.poll() is not None:
                raise Failed(f"QEMU ended: {self.process.stdout.read()[-500:]}")
            try:
                self.line = socket.socket(socket.AF_UNIX)
                self.line.connect(self.console)
                return True
            except OSError:
                return False
        wait_for(connected, f"{self.name} has a console", BOOT_SECONDS)
        end = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < end:
            if self._ask("", 2.0) is not None:
                return self
        raise Failed(f"{self.name} did not boot: {self.said[-500:]!r}")

    def _ask(self, command, seconds):
        mark = f"@{time.monotonic_ns()}@"
        self.line.settimeout(seconds)
        try:
            self.line.sendall(f"{command}\necho {mark[:4]}''{mark[4:]}$?@\n".encode())
            self.said = b""
            while not (found := re.search(re.escape(mark).encode() + rb"(\d+)@", self.said)):
                block = self.line.recv(65536)
                if not block:
                    raise Failed(f"{self.name} closed its console")
                self.said += block
        except TimeoutError:
            return None
        return int(found[1]), self.said[:found.start()].decode(errors="replace").replace("\r", "")

    def run(self, command, seconds=30):
        """Runs a shell command; returns its output. Fails unless it ends with 0 in time."""
        done = self._ask(command, seconds)
        check(done is not None, f"{self.name}: `{command}` takes over {seconds} s: {self.said[-300:]!r}")
        check(done[0] == 0, f"{self.name}: `{command}` ended with {done[0]}: {done[1][-500:]}")
        return done[1]

    def ping(self, address, count=3, size=56):
        """How many of `count` echo requests were answered."""
        done = self._ask(f"ping -q -c {count} -i 0.2 -W 1 -s {size} {address}", 30)
        found = done and re.search(r"(\d+) packets received", done[1])
        return int(found[1]) if found else 0


def vhost_machine(lab, name, address, path, queues=1):
    """A machine whose NIC is a vhost-user port; QEMU is the server, so that it outlives the switch."""
    return Machine(lab, name, address, "-chardev", f"socket,id=vhost,path={path},server=on",
                   "-netdev", f"vhost-user,id=net,chardev=vhost,queues={queues}",
                   device=",mq=on" if queues > 1 else "")


def tap_machine(lab, name, address, device):
    """A machine on a TAP device of the switch's namespace."""
    return Machine(lab, name, address, "-netdev", f"tap,id=net,ifname={device},script=no,downscript=no")
