"""Translated connections when what they were made by goes: rules, blocks of ports, addresses."""

from gateway import ECHO, FAMILIES, GATEWAY, OUTSIDE, Program, ask, weft_gateway
from lab import check, equal, stateful, wait_for
from test_nat import MASQUERADE, load


def echo(lab, host):
    server = Program(lab, host, ECHO.format(port=7000))
    wait_for(lambda: ":7000" in host.run("ss", "-Hlun"), "the server listens")
    return server


@stateful
def test_table_leaves_the_configuration(lab):
    """`apply` of a configuration without the table nat: known connections stay translated, as they do in Linux while they live."""
    a, _, o = weft_gateway(lab)
    without = lab.weft("save") + "".join(f"{family} -A FORWARD -m conntrack --ctstate ESTABLISHED\n" for family in FAMILIES)
    load(lab, MASQUERADE)
    server = echo(lab, o)
    for at, seen in enumerate(GATEWAY):
        equal(ask(a, OUTSIDE[at], 7000, 5000), (seen, 5000), "before")
    lab.weft("apply", lab.file("without.conf", without))
    check("-t nat" not in lab.weft("save"), "the table is still there")
    for at, seen in enumerate(GATEWAY):
        for _ in range(3):
            equal(ask(a, OUTSIDE[at], 7000, 5000), (seen, 5000), "afterwards")
    server.kill()
