"""Random rule sets as the text of a save: four tables, user chains that call each other, policies."""

from dataclasses import dataclass

import filter_matches
import filter_targets

CHAINS = {"raw": ("PREROUTING", "OUTPUT"), "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
          "filter": ("INPUT", "FORWARD", "OUTPUT"), "security": ("INPUT", "FORWARD", "OUTPUT")}
FULL = {"raw": 0.55, "mangle": 0.6, "filter": 0.95, "security": 0.25}  # how often a table has rules


@dataclass
class Table:
    name: str
    policies: dict
    users: list
    rules: list

    def text(self, keep=None):
        """All of it, or with those of its rules only whose numbers are kept."""
        lines = [f"*{self.name}", *(f":{chain} {policy} [0:0]" for chain, policy in self.policies.items()),
                 *(f":{chain} - [0:0]" for chain in self.users),
                 *(f"-A {rule}" for number, rule in enumerate(self.rules) if keep is None or number in keep), "COMMIT"]
        return "\n".join(lines) + "\n"


def user_chains(chance, table):
    """Names with the built-in chains from which each may be reached."""
    made, hooks = {}, set(CHAINS[table])
    for number in range(chance.choice((0, 1, 1, 2, 3))):
        # a later chain may be called from wherever an earlier one is, so its hooks are no fewer
        allowed = set(chance.sample(sorted(hooks), chance.randrange(1, len(hooks) + 1)))
        for earlier in made.values():
            allowed |= earlier
        made[f"user{number}"] = allowed
    return made


def call(dice, chain, users):
    """A jump or goto to a chain that comes later and may be reached from here; or nothing."""
    names = sorted(users)
    later = [name for name in names if dice.hooks <= users[name] and (chain not in names or name > chain)]
    return f"-{dice.pick('j', 'j', 'g')} {dice.chance.choice(later)}" if later else None


def spare_templates(table):
    """Leaves out CONNMARK rules that may write to what a CT rule has made: in Linux that is one for all packets of the rule."""
    if any("-j CT " in rule for rule in table.rules):
        table.rules = [rule for rule in table.rules if "-j CONNMARK" not in rule or "--restore-mark" in rule]
    return table


def random_table(dice, name):
    chance = dice.chance
    policies = {chain: "DROP" if chance.random() < (0.12 if name == "filter" else 0.03) else "ACCEPT" for chain in CHAINS[name]}
    if chance.random() > FULL[name]:
        return Table(name, dict.fromkeys(policies, "ACCEPT"), [], [])
    users, rules = user_chains(chance, name), []
    for chain in (*CHAINS[name], *users):
        dice.table, dice.hooks = name, users.get(chain, {chain})
        for _ in range(chance.choice((0, 1, 2, 2, 3, 4, 6))):
            calling = call(dice, chain, users) if chance.random() < 0.25 else None
            target, least = (calling, 0) if calling else filter_targets.one(dice, name)
            matches = filter_matches.some(dice, least)
            while target.startswith("-p ") and "-p " in matches:
                matches = filter_matches.some(dice, least)
            rules.append(" ".join(f"{chain} {matches} {target}".split()))
    return spare_templates(Table(name, policies, list(users), rules))


def random_tables(chance, v6, number, talks):
    dice = filter_matches.Dice(chance, v6, number, talks)
    return [random_table(dice, name) for name in CHAINS]
