// Rules as firewalls have them, in a form that both iptables and rte_acl can say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weft::perf {

/// Host order. All ends in ACCEPT.
struct PlainRule {
    std::uint32_t source = 0, destination = 0;
    unsigned source_length = 0, destination_length = 0;
    std::uint8_t protocol = 0;
    std::uint16_t source_low = 0, source_high = 0xffff, destination_low = 0, destination_high = 0xffff;
    std::uint64_t mac = 0;  ///< 0: any
};
struct PlainPacket {
    std::uint32_t source, destination;
    std::uint8_t protocol;
    std::uint16_t source_port, destination_port;
    std::uint64_t mac;
};

/// random: prefixes, ports and ranges as ClassBench's seeds mix them. addresses: one source each. ports: one
/// destination port each. office: 30 % MAC only, the rest prefixes with ports.
enum class RuleSet : std::uint8_t { random, addresses, ports, office };
inline constexpr RuleSet rule_sets[] = {RuleSet::random, RuleSet::addresses, RuleSet::ports, RuleSet::office};
[[nodiscard]] const char* name_of(RuleSet);

[[nodiscard]] std::vector<PlainRule> make_rules(RuleSet, std::size_t count);
/// Half of them built to match a rule drawn at random, half of them none in particular.
[[nodiscard]] std::vector<PlainPacket> make_packets(const std::vector<PlainRule>&, std::size_t count);
/// An iptables-save file with the rules in FORWARD.
[[nodiscard]] std::string save_file(const std::vector<PlainRule>&);

}  // namespace weft::perf
