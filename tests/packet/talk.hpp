// What tests of known flows share: two hosts beyond a and b, a stateful firewall, and talk by chance.
#pragma once

#include <random>
#include <string>

#include "tests/packet/firewall.hpp"

namespace weft::test {

struct Pair {
    const char *a, *b, *more_b;
};
inline constexpr Pair of4{"10.0.1.2", "10.0.2.2", "10.0.2.2/32"},
    of6{"2001:db8:1::2", "2001:db8:2::2", "2001:db8:2::2/128"};

inline const std::string stateful = R"(*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp --dport 53 -j MARK --set-mark 3
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -i a -o b -p udp -j ACCEPT
-A FORWARD -i a -o b -p tcp --syn -j ACCEPT
COMMIT
)";

inline std::uint64_t packets_of(Firewall& firewall, StageId stage) {
    std::uint64_t all = 0;
    for (const auto& worker : firewall.rig.shared().workers)
        all += worker->stages[static_cast<std::size_t>(stage)].packets.get();
    return all;
}

inline constexpr const char* chance_rules[] = {
    "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
    "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "-A FORWARD -m conntrack --ctstatus ASSURED -p udp -j ACCEPT",
    "-A FORWARD -m conntrack --ctstatus SEEN_REPLY",
    "-A FORWARD -p tcp --tcp-flags PSH PSH -j DROP",
    "-A FORWARD -p tcp --syn -j ACCEPT",
    "-A FORWARD -m mac --mac-source 02:00:00:00:00:66 -p udp -j DROP",
    "-A FORWARD -p udp --dport 53 -j ACCEPT",
    "-A FORWARD -m connmark --mark 1 -j DROP",
    "-A FORWARD -p udp -j CONNMARK --set-mark 1",
    "-A FORWARD -i a -j CONNMARK --set-mark 7",
    "-A FORWARD -i b -j CONNMARK --set-mark 8",
    "-A FORWARD -p udp -j CONNMARK --set-xmark 0x10/0",
    "-A FORWARD -i b -j DROP",
    "-A FORWARD -m length --length 40:60 -j ACCEPT",
    "-A FORWARD -m mark --mark 2 -j ACCEPT",
    "-A FORWARD -m addrtype --src-type UNICAST",
};

/// What comes by chance: two hosts that talk TCP and UDP by a few ports, and break the rules of both.
class Talk {
  public:
    explicit Talk(unsigned seed) : random_(seed) {}
    Ip next(bool& from_a, std::string& mac) {
        const Pair& who = pick(2) ? of6 : of4;
        from_a = pick(2);
        mac = pick(8) ? (from_a ? host_a : host_b) : "02:00:00:00:00:66";
        return between(from_a ? who.a : who.b, from_a ? who.b : who.a, from_a);
    }
    /// `asks`: it comes from the client.
    Ip between(const char* source, const char* destination, bool asks) {
        const unsigned client = 1000 + pick(2), server = pick(2) ? 80 : 53;
        const unsigned s = asks ? client : server, d = asks ? server : client;
        Ip ip(source, destination);
        ip.ttl(pick(12) ? 64 : 1);
        if (pick(2)) return ip.payload(pick(40)).udp(s, d), pick(3) ? ip : ip.summed();
        const std::uint8_t flags[] = {0x02, 0x12, 0x10, 0x10, 0x10, 0x18, 0x11, 0x04, 0x30};
        Bytes segment{static_cast<std::uint8_t>(s >> 8), static_cast<std::uint8_t>(s),
                      static_cast<std::uint8_t>(d >> 8), static_cast<std::uint8_t>(d)};
        const unsigned sequence = pick(6) ? pick(3) : pick(1u << 30), acknowledged = pick(3);
        for (const unsigned word : {sequence, acknowledged})
            for (unsigned shift = 32; shift > 0;)
                segment.push_back(static_cast<std::uint8_t>(word >> (shift -= 8)));
        segment.insert(segment.end(), {0x50, flags[pick(std::size(flags))], 0x20, 0, 0, 0, 0, 0});
        segment.resize(segment.size() + pick(3));
        ip.payload(segment).protocol(6).summed();
        return ip;
    }
    std::string rules() {
        std::string text =
            "*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp --sport 1000 -j MARK --set-mark 2\n"
            "COMMIT\n*filter\n:FORWARD " +
            std::string(pick(2) ? "DROP" : "ACCEPT") + " [0:0]\n";
        for (unsigned i = 0; i < 6; ++i)
            text += std::string(chance_rules[pick(std::size(chance_rules))]) + "\n";
        return text + "COMMIT\n";
    }
    unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }

  private:
    std::mt19937 random_;
};

}  // namespace weft::test
