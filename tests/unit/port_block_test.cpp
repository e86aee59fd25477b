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
    EXPECT_EQ(changed_port_blocks(none, one),
              Lines{"port blocks begin: " + said + "1000 each, 64 subscribers an address"});
    EXPECT_EQ(changed_port_blocks(none, twice), changed_port_blocks(none, one));
    EXPECT_EQ(changed_port_blocks(one, twice), Lines{});
    EXPECT_EQ(changed_port_blocks(one, one), Lines{});
    EXPECT_EQ(changed_port_blocks(one, other),
              (Lines{"port blocks end: " + said + "1000 each, 64 subscribers an address",
                     "port blocks begin: " + said + "2000 each, 32 subscribers an address"}));
    EXPECT_EQ(changed_port_blocks(other, none),
              Lines{"port blocks end: " + said + "2000 each, 32 subscribers an address"});
}

}  // namespace
}  // namespace weft::hook
