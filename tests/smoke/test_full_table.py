"""A whole routing table: 1,000,000 IPv4 and 200,000 IPv6 prefixes in the kernel. Takes minutes: of `tests/run long`."""

import re
import time

from lab import check, equal, wait_for
from test_ports import Pings
from test_route import A4, A6, B4, B6, router

COUNT4, COUNT6, MIRROR_SECONDS, KILOBYTES = 1_000_000, 200_000, 10, 1_000_000
NEXT4, NEXT6 = (B4, "10.0.3.2"), (B6, "2001:db8:3::2")


def prefix4(number):
    """/24s from 16.0.0.0 on; each eighth is the /25 of its upper half, so that there are second stages of the look-up."""
    head = f"{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"
    return f"{head}.128/25" if number % 8 == 7 else f"{head}.0/24"


def prefix6(number):
    return f"2a00:{number >> 16:x}:{number & 0xffff:x}::/48"


def enter(lab, action):
    """Has the kernel add or delete all prefixes of both families, each by one of two next hops."""
    for family, count, prefix, gateways in (("-4", COUNT4, prefix4, NEXT4), ("-6", COUNT6, prefix6, NEXT6)):
        path = lab.file("routes.batch", "".join(f"route {action} {prefix(number)} via {gateways[number % 2]}\n" for number in range(count)))
        lab.switch.ip(family, "-batch", path, timeout=600)


def samples(lab, there):
    """Whether look-ups of some hundred prefixes over both tables say what they should: their next hop's interface, or nothing."""
    wanted = [(A4, prefix4(number).split("/")[0].rsplit(".", 1)[0] + ".200", number) for number in (*range(0, COUNT4, COUNT4 // 50), COUNT4 - 1)]
    wanted += [(A6, prefix6(number).split("/")[0] + "1", number) for number in (*range(0, COUNT6, COUNT6 // 50), COUNT6 - 1)]
    with lab.connect() as ask:
        for source, destination, number in wanted:
            shown = ask("explain", "a", "ip6" if ":" in destination else "ip", source, destination, "udp", "1", "2")["text"]
            found = re.search(r"ip_input .*dev (\w+)", shown)
            if (found and found[1]) != ("bc"[number % 2] if there else None):
                return False
    return True


def resident(lab):
    with open(f"/proc/{lab.daemons[-1].pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def test_full_table(lab):
    """All are mirrored within 10 s of being in the kernel, while forwarding loses nothing; found again by a restart; gone when deleted."""
    a, _, _ = router(lab, hosts="abc")
    for address in (B4, B6):
        a.reaches(address)
    before = resident(lab)
    print(f"    resident before: {before} kB")
    for action, there in (("add", True), ("del", False)):
        pings = [Pings(lab, a, address, 0.02) for address in (B4, B6)]
        begin = time.monotonic()
        enter(lab, action)
        done = time.monotonic()
        wait_for(lambda: samples(lab, there), f"all prefixes after `{action}`", MIRROR_SECONDS)
        now = resident(lab)
        print(f"    {action}: kernel {done - begin:.1f} s, then mirrored within {time.monotonic() - done:.1f} s; resident {now} kB, "
              f"{(now - before) * 1024 / (COUNT4 + COUNT6):.0f} bytes a route")
        equal([ping.lost() for ping in pings], [0, 0], f"lost echoes during `{action}`")
        check(now - before < KILOBYTES, f"resident {now} kB")
        if there:
            lab.daemons[-1].kill()
            lab.weftd(open(f"{lab.folder}/weft.conf").read())
            wait_for(lambda: samples(lab, True), "all prefixes after a restart", MIRROR_SECONDS)
            print(f"    restart: ready after {lab.daemons[-1].seconds_to_ready:.1f} s")
            for address in (B4, B6):
                a.reaches(address)


test_full_table.seconds = 1200
