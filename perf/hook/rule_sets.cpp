#include "perf/hook/rule_sets.hpp"

#include <fmt/format.h>

#include <random>

namespace weft::perf {

namespace {

std::uint32_t mask_of(unsigned length) {
    return length == 0 ? 0 : ~0U << (32 - length);
}

class Maker {
  public:
    std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }
    std::uint32_t below(std::uint32_t n) { return number() % n; }

    /// Some networks are much used, as in ClassBench.
    std::uint32_t address() {
        const auto net = below(4) == 0 ? number() : 0x0a00'0000 | below(64) << 16;
        return net | below(1 << 16);
    }
    unsigned length() {
        constexpr unsigned lengths[] = {0,  0,  8,  12, 16, 16, 20, 22, 24, 24,
                                        24, 27, 28, 30, 32, 32, 32, 32, 32, 32};
        return lengths[below(20)];
    }
    std::uint16_t port() {
        constexpr std::uint16_t known[] = {22, 25, 53, 80, 110, 123, 143, 443, 993, 3306, 5060, 8080};
        return below(3) ? known[below(12)] : static_cast<std::uint16_t>(number());
    }
    PlainRule random_rule() {
        PlainRule rule;
        rule.source_length = length();
        rule.destination_length = length();
        if (rule.source_length + rule.destination_length < 16) rule.destination_length = 24;
        rule.source = address() & mask_of(rule.source_length);
        rule.destination = address() & mask_of(rule.destination_length);
        if (below(5) == 0) return rule;
        rule.protocol = below(3) ? 6 : 17;
        if (below(3)) {
            rule.destination_low = rule.destination_high = port();
            if (below(5) == 0)
                rule.destination_high = static_cast<std::uint16_t>(rule.destination_low | 0x3ff);
        }
        if (below(8) == 0) {
            rule.source_low = 1024;
            rule.source_high = 65535;
        }
        return rule;
    }

  private:
    std::mt19937 random_{1};
};

PlainRule make_rule(Maker& make, RuleSet set, std::uint32_t i) {
    PlainRule rule;
    switch (set) {
        case RuleSet::random:
            return make.random_rule();
        case RuleSet::addresses:
            rule.source = 0x0a00'0000 + i * 7;
            rule.source_length = 32;
            return rule;
        case RuleSet::ports:
            rule.protocol = 6;
            rule.destination_low = rule.destination_high = static_cast<std::uint16_t>(1024 + i);
            return rule;
        case RuleSet::office:
            break;
    }
    if (make.below(10) >= 3) return make.random_rule();
    rule.mac = 0x0200'0000'0000 | i;
    return rule;
}

}  // namespace

const char* name_of(RuleSet set) {
    constexpr const char* names[] = {"random", "addresses", "ports", "office"};
    return names[static_cast<std::size_t>(set)];
}

std::vector<PlainRule> make_rules(RuleSet set, std::size_t count) {
    Maker make;
    std::vector<PlainRule> rules;
    for (std::uint32_t i = 0; i < count; ++i)
        rules.push_back(make_rule(make, set, i));
    return rules;
}

std::vector<PlainPacket> make_packets(const std::vector<PlainRule>& rules, std::size_t count) {
    Maker make;
    std::vector<PlainPacket> packets;
    for (std::size_t i = 0; i < count; ++i) {
        PlainPacket packet{make.address(),
                           make.address(),
                           6,
                           static_cast<std::uint16_t>(make.number() | 1024),
                           make.port(),
                           0x0600'0000'0000ULL | make.below(1 << 20)};
        if (i % 2) {
            const auto& rule = rules[make.below(static_cast<std::uint32_t>(rules.size()))];
            const auto in = [&](std::uint32_t value, std::uint32_t address, unsigned length) {
                return (value & ~mask_of(length)) | address;
            };
            packet.source = in(packet.source, rule.source, rule.source_length);
            packet.destination = in(packet.destination, rule.destination, rule.destination_length);
            if (rule.protocol) packet.protocol = rule.protocol;
            if (rule.source_low) packet.source_port = rule.source_low;
            if (rule.destination_low) packet.destination_port = rule.destination_low;
            if (rule.mac) packet.mac = rule.mac;
        }
        packets.push_back(packet);
    }
    return packets;
}

std::string save_file(const std::vector<PlainRule>& rules) {
    const auto address = [](std::uint32_t a) {
        return fmt::format("{}.{}.{}.{}", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
    };
    std::string text = "*filter\n:FORWARD DROP [0:0]\n";
    for (const auto& rule : rules) {
        text += "-A FORWARD";
        if (rule.source_length) text += fmt::format(" -s {}/{}", address(rule.source), rule.source_length);
        if (rule.destination_length)
            text += fmt::format(" -d {}/{}", address(rule.destination), rule.destination_length);
        if (rule.protocol) text += rule.protocol == 6 ? " -p tcp -m tcp" : " -p udp -m udp";
        if (rule.source_low != 0 || rule.source_high != 0xffff)
            text += fmt::format(" --sport {}:{}", rule.source_low, rule.source_high);
        if (rule.destination_low != 0 || rule.destination_high != 0xffff)
            text += fmt::format(" --dport {}:{}", rule.destination_low, rule.destination_high);
        if (rule.mac)
            text += fmt::format(" -m mac --mac-source {:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
                                rule.mac >> 40, rule.mac >> 32 & 255, rule.mac >> 24 & 255,
                                rule.mac >> 16 & 255, rule.mac >> 8 & 255, rule.mac & 255);
        text += " -j ACCEPT\n";
    }
    return text + "COMMIT\n";
}

}  // namespace weft::perf
