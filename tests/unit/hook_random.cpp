#include "tests/unit/hook_random.hpp"

#include <fmt/format.h>

#include "tests/unit/hook_rig.hpp"

namespace weft::test {

std::string RandomRules::address(bool prefixes) {
    // Few addresses, so that rules overlap and packets meet them.
    const unsigned a = below(4), b = below(4), c = below(3);
    if (six_) {
        constexpr unsigned lengths[] = {0, 16, 31, 32, 48, 60, 64, 100, 127, 128};
        const auto text = fmt::format("2001:db8:{:x}:{:x}::{:x}", a, b, c);
        return prefixes ? fmt::format("{}/{}", text, lengths[below(10)]) : text;
    }
    constexpr unsigned lengths[] = {0, 7, 8, 12, 16, 17, 24, 30, 32, 32};
    const auto text = fmt::format("10.{}.{}.{}", a, b, c);
    if (prefixes && one_in(20)) return text + "/255.0.255.0";
    return prefixes ? fmt::format("{}/{}", text, lengths[below(10)]) : text;
}

std::string RandomRules::port() {
    return std::to_string(one_in(4) ? below(65536) : below(24));
}

std::string RandomRules::ports() {
    if (!one_in(3)) return port();
    const auto low = below(30);
    return fmt::format("{}:{}", low, one_in(2) ? low + 1 + below(8) : 65535);
}

std::string RandomRules::mac() {
    return fmt::format("02:00:00:00:00:0{}", below(6));
}

std::string RandomRules::layer4() {
    const bool tcp = one_in(2);
    std::string text = tcp ? "-p tcp" : "-p udp";
    if (one_in(3)) {
        constexpr const char* sides[] = {"--sports", "--dports", "--ports"};
        text += fmt::format(" -m multiport {}{} {}", bang(6), sides[below(3)], ports());
        for (unsigned i = below(4); i > 0; --i)
            text += "," + ports();
        if (!one_in(4)) return text;
    }
    text += tcp ? " -m tcp" : " -m udp";
    if (one_in(2)) text += fmt::format(" {}--dport {}", bang(6), ports());
    if (one_in(3)) text += fmt::format(" {}--sport {}", bang(6), ports());
    if (!tcp) return text;
    constexpr const char* flags[] = {"SYN", "SYN,ACK", "NONE", "RST", "ACK"};
    if (one_in(4)) text += fmt::format(" {}--tcp-flags SYN,ACK,RST,FIN {}", bang(4), flags[below(5)]);
    if (one_in(8)) text += fmt::format(" {}--tcp-option {}", bang(3), below(2) ? 2 : 8);
    return text;
}

std::string RandomRules::match() {
    constexpr const char* states[] = {"NEW", "ESTABLISHED", "RELATED,ESTABLISHED", "INVALID", "UNTRACKED"};
    constexpr const char* types[] = {"unicast", "broadcast", "multicast"};
    switch (below(7)) {
        case 0:
            return fmt::format(" -m mark {}--mark {}/{:#x}", bang(4), below(4), below(4) | 1);
        case 1:
            return fmt::format(" -m state {}--state {}", bang(5), states[below(5)]);
        case 2: {
            const auto low = below(60);
            return fmt::format(" -m length {}--length {}:{}", bang(4), low, low + below(60));
        }
        case 3:
            return fmt::format(" -m pkttype {}--pkt-type {}", bang(4), types[below(3)]);
        case 4:
            return six_ ? fmt::format(" -m iprange {}--src-range 2001:db8::-2001:db8:{}::", bang(3), below(4))
                        : fmt::format(" -m iprange {}--src-range 10.0.0.0-10.{}.1.1", bang(3), below(4));
        case 5:
            return " -m comment --comment \"says nothing\"";
        default:
            return "";
    }
}

std::string RandomRules::rule() {
    constexpr const char* names[] = {"eth0", "eth1", "eth+", "br0", "w+", "gone", "+"};
    std::string text;
    if (one_in(2)) text += fmt::format(" {}-s {}", bang(6), address(true));
    if (one_in(2)) text += fmt::format(" {}-d {}", bang(6), address(true));
    if (one_in(4)) text += fmt::format(" {}-i {}", bang(5), names[below(7)]);
    if (one_in(6)) text += fmt::format(" {}-o {}", bang(5), names[below(7)]);
    if (one_in(4)) text += match();
    const bool mac_first = one_in(6);
    if (mac_first) text += fmt::format(" -m mac {}--mac-source {}", bang(5), mac());
    const unsigned kind = below(6);
    if (kind < 3)
        text += " " + layer4();
    else if (kind == 3)
        text += six_ ? fmt::format(" -p icmpv6 -m icmp6 {}--icmpv6-type {}", bang(5), 128 + below(2))
                     : fmt::format(" -p icmp -m icmp {}--icmp-type {}", bang(5), below(2) * 8);
    else if (kind == 4)
        text += one_in(2) ? " ! -p tcp" : " -p 50";
    else if (!six_ && one_in(3))
        text += one_in(2) ? " -f" : " ! -f";
    if (!mac_first && one_in(5)) text += fmt::format(" -m mac {}--mac-source {}", bang(5), mac());
    if (one_in(3)) text += match();
    return text;
}

std::string RandomRules::target(bool mangle, unsigned chain, unsigned chains) {
    // Jumps go to later chains only, so there are no loops.
    if (chain + 1 < chains && one_in(4))
        return fmt::format(" {} c{}", one_in(4) ? "-g" : "-j", chain + 1 + below(chains - chain - 1));
    switch (below(mangle ? 7 : 6)) {
        case 0:
            return " -j ACCEPT";
        case 1:
            return one_in(3) ? " -j DROP" : " -j ACCEPT";
        case 2:
            return " -j RETURN";
        case 3:
            return mangle ? " -j DROP" : " -j REJECT";
        case 6:
            return fmt::format(" -j MARK --set-xmark {}/{:#x}", below(4), below(4));
        default:
            return "";
    }
}

std::string RandomRules::table(const char* name, unsigned rules) {
    const bool mangle = std::string_view(name) == "mangle";
    constexpr unsigned chains = 5;  // c0 stands for FORWARD
    auto text = fmt::format("*{}\n:FORWARD {} [0:0]\n", name, one_in(2) ? "ACCEPT" : "DROP");
    for (unsigned c = 1; c < chains; ++c)
        text += fmt::format(":c{} - [0:0]\n", c);
    for (unsigned i = 0; i < rules; ++i) {
        const auto chain = one_in(2) ? 0 : below(chains);
        text += fmt::format("-A {}{}{}\n", chain ? fmt::format("c{}", chain) : "FORWARD", rule(),
                            target(mangle, chain, chains));
    }
    return text + "COMMIT\n";
}

std::string RandomRules::save_file(unsigned rules) {
    return table("mangle", rules / 3) + table("filter", rules - rules / 3);
}

std::vector<std::uint8_t> RandomRules::payload(unsigned& protocol) {
    const auto number = [&] { return static_cast<std::uint16_t>(one_in(4) ? below(65536) : below(24)); };
    constexpr std::uint8_t flags[] = {0x02, 0x12, 0x10, 0x04, 0x11, 0x00};
    switch (below(5)) {
        case 0:
            protocol = six_ ? 58 : 1;
            return icmp(static_cast<std::uint8_t>(six_ ? 128 + below(2) : below(2) * 8), 0);
        case 1:
            protocol = one_in(2) ? 50 : 132;
            return udp(number(), number());
        case 2:
        case 3: {
            protocol = 6;
            const Bytes options = one_in(2) ? Bytes{} : one_in(3) ? Bytes{2, 4, 5, 0xb4} : Bytes{1, 1, 8, 9};
            return tcp(number(), number(), flags[below(6)], options);
        }
        default:
            protocol = 17;
            return udp(number(), number());
    }
}

NaivePacket RandomRules::packet() {
    constexpr const char* names[] = {"eth0", "eth1", "br0", "wlan0", ""};
    NaivePacket packet;
    unsigned protocol = 0;
    auto body = payload(protocol);
    if (one_in(12)) body.resize(below(24) % (body.size() + 1));  // cut short
    const auto source = address(false), destination = address(false);
    if (six_) {
        unsigned next = protocol;
        if (one_in(6)) {
            body = Bytes{static_cast<std::uint8_t>(next), 0, 1, 4, 0, 0, 0, 0} + body;
            next = 60;
        }
        if (one_in(8)) {
            const std::uint8_t offset = one_in(2) ? 0 : 8;
            body = Bytes{static_cast<std::uint8_t>(next), 0, 0, offset, 0, 0, 0, 1} + body;
            next = 44;
        }
        if (one_in(15)) body.resize(below(static_cast<unsigned>(body.size()) + 1));
        packet.bytes =
            Packet6{source.c_str(), destination.c_str(), static_cast<std::uint8_t>(next), body}.bytes();
    } else {
        const auto fragment = static_cast<std::uint16_t>(one_in(8) ? below(3) : 0);
        packet.bytes =
            Packet4{
                source.c_str(), destination.c_str(), static_cast<std::uint8_t>(protocol), fragment, 64, body}
                .bytes();
    }
    packet.in = names[below(4)];
    packet.out = names[below(5)];
    if (!one_in(5)) packet.mac = {2, 0, 0, 0, 0, static_cast<std::uint8_t>(below(6))};
    packet.mark = below(4);
    packet.type = static_cast<std::uint8_t>(below(3));
    packet.state = static_cast<std::uint8_t>(1U << below(5));
    return packet;
}

}  // namespace weft::test
