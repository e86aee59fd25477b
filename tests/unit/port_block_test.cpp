// RFC 7422 section 2: the mapping is a function, and its inverse says who had a port.
#include "weft/hook/port_block.hpp"

#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "control/hook/port_blocks.hpp"
#include "control/hook/program.hpp"

namespace weft::hook {
namespace {

NatTarget blocks_of(std::uint32_t subscribers, std::uint32_t addresses, PortRange ports, std::uint16_t size) {
    NatTarget nat;
    nat.map_addresses = nat.map_ports = true;
    nat.addresses = {to_address(be32{0xc6336400}), to_address(be32{0xc6336400 + addresses - 1})};
    nat.ports = ports;
    nat.port_block = size;
    nat.subscribers = {to_address(be32{0x64400000}), to_address(be32{0x64400000 + subscribers - 1})};
    return nat;
}

TEST(PortBlock, EverySubscriberHasItsOwnAndEveryPortItsOwner) {
    for (const auto& [subscribers, addresses, ports, size] :
         {std::tuple{1024U, 17U, PortRange{1024, 65535}, 1000U},
          {16U, 4U, PortRange{4096, 4127}, 8U},
          {4096U, 1U, PortRange{0, 65535}, 16U},
          {1U, 1U, PortRange{65535, 65535}, 1U},
          {256U, 3U, PortRange{1, 1000}, 11U}}) {
        const NatTarget nat = blocks_of(subscribers, addresses, ports, static_cast<std::uint16_t>(size));
        const PortBlocks blocks(nat);
        ASSERT_TRUE(blocks.suffice());
        std::set<std::pair<std::uint32_t, std::uint32_t>> given;
        for (std::uint32_t n = 0; n < subscribers; ++n) {
            const auto block = blocks.of(0x64400000 + n);
            ASSERT_TRUE(block);
            EXPECT_EQ(block->ports.high - block->ports.low + 1U, size);
            EXPECT_GE(block->ports.low, ports.low);
            EXPECT_LE(block->ports.high, ports.high);
            EXPECT_LT(block->address - 0xc6336400, addresses);
            for (std::uint32_t port = block->ports.low; port <= block->ports.high; ++port) {
                ASSERT_TRUE(given.emplace(block->address, port).second) << "nobody shares a port";
                ASSERT_EQ(blocks.owner(block->address, static_cast<std::uint16_t>(port)), 0x64400000 + n);
            }
        }
        for (std::uint32_t address = 0; address < addresses; ++address)
            for (std::uint32_t port = 0; port < 65536; ++port)
                if (!given.contains({0xc6336400 + address, port})) {
                    ASSERT_FALSE(blocks.owner(0xc6336400 + address, static_cast<std::uint16_t>(port)));
                }
        EXPECT_FALSE(blocks.of(0x64400000 + subscribers));
        EXPECT_FALSE(blocks.of(0x643fffff));
        EXPECT_FALSE(blocks.owner(0xc6336400 + addresses, ports.low));
    }
    EXPECT_FALSE(PortBlocks(blocks_of(1025, 16, {1024, 65535}, 1000)).suffice());
}

// RFC 7422 section 3: what is kept is what the configuration was, and from when to when.
TEST(PortBlock, ChangesOfRulesAreOneLineEach) {
    const auto with = [](const std::string& rules) {
        Rulesets all;
        const std::vector<std::string> words{"iptables-restore"};
        EXPECT_EQ(run_restore(all.edit(Family::ip), {}, words, "*nat\n" + rules + "COMMIT\n").status, 0);
        return all;
    };
    const std::string a = "-s 100.64.0.0/30 -j SNAT --to-source 192.0.2.1 --port-block 1000\n",
                      b = "-s 100.64.0.0/30 -j SNAT --to-source 192.0.2.1 --port-block 2000\n";
    const Rulesets none = with(""), one = with("-A POSTROUTING " + a), other = with("-A POSTROUTING " + b),
                   twice = with("-A POSTROUTING -p tcp " + a + "-A POSTROUTING -p udp " + a);
    const std::string said = "100.64.0.0-100.64.0.3 to 192.0.2.1, ports 1024-65535, ";
    using Lines = std::vector<std::string>;
    const auto changes = [](const Rulesets& before, const Rulesets& now) {
        return describe_port_blocks(changed_port_blocks(before, now));
    };
    EXPECT_EQ(changes(none, one),
              Lines{"port blocks begin: " + said + "1000 each, 64 subscribers an address"});
    EXPECT_EQ(changes(none, twice), changes(none, one));
    EXPECT_EQ(changes(one, twice), Lines{});
    EXPECT_EQ(changes(one, one), Lines{});
    EXPECT_EQ(changes(one, other),
              (Lines{"port blocks end: " + said + "1000 each, 64 subscribers an address",
                     "port blocks begin: " + said + "2000 each, 32 subscribers an address"}));
    EXPECT_EQ(changes(other, none),
              Lines{"port blocks end: " + said + "2000 each, 32 subscribers an address"});
}

/// What restore says of rules in POSTROUTING.
Outcome restored(const std::string& rules) {
    Rulesets all;
    const std::vector<std::string> words{"iptables-restore"};
    std::string text = "*nat\n";
    for (std::size_t at = 0, end; at < rules.size(); at = end + 1) {
        end = rules.find('\n', at);
        text += "-A POSTROUTING " + rules.substr(at, end - at + 1);
    }
    return run_restore(all.edit(Family::ip), {}, words, text + "COMMIT\n");
}

// RFC 6888 REQ-14, RFC 7422 section 2: a port has one owner, or nobody can be told whose it was.
TEST(PortBlock, BlocksOfTwoRulesDoNotOverlap) {
    const std::string first = "-s 10.0.1.0/30 -j SNAT --to-source 203.0.113.9 --port-block 1000\n";
    const auto outcome = restored(
        first +
        "-s 10.0.2.0/30 -p udp -j SNAT --to-source 203.0.113.8-203.0.113.9:4000-6999 --port-block 1000\n");
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(
        outcome.errors.substr(0, outcome.errors.find('\n')),
        "iptables-restore v1.8.9 (legacy): --port-block: ports 4000-4999 of 203.0.113.9 belong to the blocks "
        "of another rule: -A POSTROUTING " +
            first.substr(0, first.size() - 1));
    EXPECT_EQ(outcome.line, 3U);
    for (const auto& other : std::vector<std::string>{
             "-p udp -s 10.0.1.0/30 -j SNAT --to-source 203.0.113.9 --port-block 1000\n",
             "-s 10.0.2.0/30 -j SNAT --to-source 203.0.113.10 --port-block 1000\n",
             // Behind the fourth subscriber's block are nobody's ports.
             "-s 10.0.2.0/30 -p udp -j SNAT --to-source 203.0.113.9:5024-65535 --port-block 1000\n"}) {
        const auto taken = restored(first + other);
        EXPECT_EQ(taken.status, 0) << other << taken.errors;
        EXPECT_EQ(taken.errors, "") << other;
    }
    for (const auto& other : std::vector<std::string>{
             "-p udp -s 10.0.1.0/29 -j SNAT --to-source 203.0.113.9 --port-block 1000\n",
             "-s 10.0.2.0/30 -p udp -j SNAT --to-source 203.0.113.9:5023-65535 --port-block 1000\n",
             "-s 10.0.1.0/30 -j SNAT --to-source 203.0.113.9 --port-block 500\n"})
        EXPECT_EQ(restored(first + other).status, 2) << other;
}

TEST(PortBlock, ARuleWithoutBlocksThatMayGiveTheirPortsIsWarnedOf) {
    const std::string blocks = "-s 10.0.1.0/30 -p udp -j SNAT --to-source 203.0.113.9 --port-block 1000\n",
                      plain = "-j SNAT --to-source 203.0.113.0-203.0.113.255\n";
    EXPECT_EQ(restored(blocks + plain).status, 0);
    EXPECT_EQ(restored(blocks + plain).errors,
              "--port-block: ports 1024-5023 of 203.0.113.9 belong to blocks, and this rule may give them to "
              "others: -A POSTROUTING " +
                  blocks);
    EXPECT_EQ(
        restored(plain + blocks).errors,
        "--port-block: ports 1024-5023 of 203.0.113.9 may be given to others by a rule without blocks: -A "
        "POSTROUTING " +
            plain);
    for (const auto& other :
         std::vector<std::string>{"-p tcp " + plain, "-j SNAT --to-source 203.0.113.10\n",
                                  "-p udp -j SNAT --to-source 203.0.113.9:1-1023\n", "-p tcp -j MASQUERADE\n",
                                  "-p udp -j MASQUERADE --to-ports 1-1023\n"})
        EXPECT_EQ(restored(blocks + other).errors, "") << other;
}

// xt_MASQUERADE.c: any address that the interface has, perhaps one that blocks are of.
TEST(PortBlock, MasqueradeThatMayGiveTheirPortsIsWarnedOf) {
    const auto blocks = [](const std::string& by) {
        return "-s 10.0.1.0/30 " + by + "-j SNAT --to-source 203.0.113.8-203.0.113.9 --port-block 1000\n";
    };
    for (const auto& [by, others] : {std::pair{"", ""},
                                     {"-o wan ", ""},
                                     {"-o wan ", "-o wan "},
                                     {"-o w+ ", "-o wan "},
                                     {"", "! -o wan "}}) {
        const std::string masquerade = std::string(others) + "-j MASQUERADE\n";
        EXPECT_EQ(
            restored(blocks(by) + masquerade).errors,
            "--port-block: ports 1024-5023 of 203.0.113.8 belong to blocks, and this rule may give them to "
            "others where an interface has such an address: -A POSTROUTING " +
                blocks(by));
        EXPECT_EQ(
            restored(masquerade + blocks(by)).errors,
            "--port-block: ports 1024-5023 of 203.0.113.8 may be given to others by a rule without blocks "
            "where an interface has such an address: -A POSTROUTING " +
                masquerade);
    }
    for (const auto& [by, others] : {std::pair{"-o wan ", "-o lan "}, {"-o wan ", "-o l+ "}}) {
        const std::string masquerade = std::string(others) + "-j MASQUERADE\n";
        EXPECT_EQ(restored(blocks(by) + masquerade).errors, "");
        EXPECT_EQ(restored(masquerade + blocks(by)).errors, "");
    }
}

TEST(PortBlock, ARuleMayTakeItsOwnPlace) {
    Rulesets all;
    const auto run = [&](const std::string& line) {
        std::vector<std::string> words{"iptables", "-t", "nat"};
        for (std::size_t at = 0, end; at < line.size(); at = end + 1) {
            end = std::min(line.find(' ', at), line.size());
            words.push_back(line.substr(at, end - at));
        }
        return run_iptables(all.edit(Family::ip), {}, words);
    };
    const std::string blocks = "-s 10.0.1.0/30 -j SNAT --to-source 203.0.113.9 --port-block ";
    EXPECT_EQ(run("-A POSTROUTING " + blocks + "1000").status, 0);
    EXPECT_EQ(run("-R POSTROUTING 1 " + blocks + "2000").status, 0);
    EXPECT_EQ(run("-I POSTROUTING 1 " + blocks + "1000").status, 2);
    EXPECT_EQ(run("-C POSTROUTING " + blocks + "1000").status, 1);
    EXPECT_EQ(run("-D POSTROUTING " + blocks + "2000").status, 0);
    EXPECT_EQ(run("-A POSTROUTING " + blocks + "1000").status, 0);
    EXPECT_EQ(run("-A POSTROUTING -j SNAT --to-source 203.0.113.9").errors,
              "--port-block: ports 1024-5023 of 203.0.113.9 belong to blocks, and this rule may give them to "
              "others: -A POSTROUTING " +
                  blocks + "1000\n");
}

}  // namespace
}  // namespace weft::hook
