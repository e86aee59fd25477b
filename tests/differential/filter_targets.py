"""Random targets for rules: each a function of a Dice, giving words (with the matches it asks for), and where it may be.

To add one: a function, and a line in TARGETS with how often, the tables and the hooks it may be reached from.
"""

ANY = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}
TABLES = {"raw", "mangle", "filter", "security"}


def accept(dice):
    return "-j ACCEPT"


def drop(dice):
    return "-j DROP"


def back(dice):
    return "-j RETURN"


def nothing(dice):
    return ""


def value(dice):
    return f"{dice.pick('0x0', '0x1', '0x2', '0x3', '0x10', '0x11')}{dice.pick('', '/0x1', '/0xff', '/0xf0', '/0xffffffff')}"


def mark(dice):
    return f"-j MARK --{dice.pick('set-mark', 'set-xmark')} {value(dice)}" if dice.chance.random() < 0.7 else \
        f"-j MARK --{dice.pick('and', 'or', 'xor')}-mark {dice.pick('0x1', '0x10', '0xff', '0xfffffffe')}"


def not_of_errors(dice):
    """In raw OUTPUT Linux knows the connection of ICMP errors that the host makes (icmp_glue_bits), weft does not: CT leaves
    them to it (xt_ct_target), CONNMARK marks it."""
    return f"-p {dice.pick('tcp', 'udp')} " if dice.table == "raw" and "OUTPUT" in dice.hooks else ""


def connmark(dice):
    if dice.chance.random() < 0.35:
        return not_of_errors(dice) + f"-j CONNMARK --{dice.pick('set-mark', 'set-xmark')} {value(dice)}"
    masks = dice.pick("", " --mask 0xff", " --nfmask 0xf --ctmask 0xff", " --nfmask 0x1 --ctmask 0x1", " --nfmask 0xffffffff --ctmask 0xf0")
    return not_of_errors(dice) + f"-j CONNMARK --{dice.pick('save-mark', 'restore-mark')}{masks}"


def reject(dice):
    if dice.v6:
        return "-j REJECT --reject-with " + dice.pick(
            "icmp6-no-route", "icmp6-adm-prohibited", "icmp6-addr-unreachable", "icmp6-port-unreachable", "icmp6-policy-fail",
            "icmp6-reject-route")
    return "-j REJECT --reject-with icmp-" + dice.pick("net-unreachable", "host-unreachable", "port-unreachable", "proto-unreachable",
                                                       "net-prohibited", "host-prohibited", "admin-prohibited")


def reset(dice):
    return "-p tcp -j REJECT --reject-with tcp-reset"


def ct(dice):
    return not_of_errors(dice) + "-j CT " + dice.pick("--notrack", "--zone 1", "--zone 2")


def notrack(dice):
    return not_of_errors(dice) + "-j NOTRACK"


#          how often, tables, hooks, with a match at least
TARGETS = ((accept, 18, TABLES, ANY, 1), (drop, 8, TABLES, ANY, 1), (back, 6, TABLES, ANY, 0), (nothing, 10, TABLES, ANY, 0),
           (mark, 9, TABLES, ANY, 0), (connmark, 9, TABLES, ANY, 0), (reject, 7, {"filter"}, {"INPUT", "FORWARD"}, 1),
           (reset, 4, {"filter"}, {"INPUT", "FORWARD"}, 1), (ct, 10, {"raw"}, {"PREROUTING", "OUTPUT"}, 1),
           (notrack, 5, {"raw"}, {"PREROUTING", "OUTPUT"}, 1))


def one(dice, table):
    """Words of a target, and how many matches are wanted at least."""
    fitting = [row for row in TARGETS if table in row[2] and dice.hooks <= row[3]]
    kind, _, _, _, least = dice.chance.choices(fitting, [row[1] for row in fitting])[0]
    return kind(dice), least
