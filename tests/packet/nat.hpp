// Translated packets as tests read them.
#pragma once

#include <optional>
#include <sstream>

#include "tests/packet/firewall.hpp"

namespace weft::test {

/// A network behind the router's interface a, where A (10.0.1.2) and A3 (10.0.1.3) live, and hosts B
/// (10.0.2.2) and C (10.0.2.3) before b, whose address 10.0.2.1 is W to them.
class NatLab {
  public:
    explicit NatLab(const RigOptions& options) : firewall(options) {
        for (const auto& [name, host, mac] :
             {std::tuple{"a", "10.0.1.3", host_a3}, {"b", "10.0.2.3", host_c}})
            router.route(std::string(host) + "/32",
                         router.hop({.interface = name, .gateway = host, .mac = mac, .source = near(name)}));
        for (const auto& [name, host, mac] :
             {std::tuple{"a", "2001:db8:1::3", host_a3}, {"b", "2001:db8:2::3", host_c}})
            router.route(std::string(host) + "/128",
                         router.hop({.interface = name, .gateway = host, .mac = mac, .source = {}}));
        router.publish();
    }

    /// Rules of the table nat, one a line, for both families; `$W` and `$A` are the addresses of each.
    void nat(const std::string& rules, const std::string& more = {}) {
        const auto text = [&](bool v6) {
            std::string all = "*nat\n" + rules + "COMMIT\n" + more;
            for (const auto& [word, four, six] : {std::tuple{"$W", "10.0.2.1", "2001:db8:2::1"},
                                                  {"$A3", "10.0.1.3", "2001:db8:1::3"},
                                                  {"$A", "10.0.1.2", "2001:db8:1::2"},
                                                  {"$B", "10.0.2.2", "2001:db8:2::2"}})
                for (std::size_t at; (at = all.find(word)) != std::string::npos;) {
                    const std::size_t end = at + std::string(word).size();
                    const bool port = end < all.size() && all[end] == ':';
                    all.replace(at, end - at, v6 ? (port ? "[" + std::string(six) + "]" : six) : four);
                }
            return all;
        };
        firewall.rules(text(false), text(true));
    }
    /// Rules as they are, of IPv4 alone.
    void nat4(const std::string& rules, const std::string& more = {}) {
        firewall.rules("*nat\n" + rules + "COMMIT\n" + more, "");
    }

    /// Many more inside: 10.1.0.0/16 behind A.
    void add_subscribers() {
        router.route(
            "10.1.0.0/16",
            router.hop({.interface = "a", .gateway = "10.0.1.2", .mac = host_a, .source = near("a")}));
        router.publish();
    }

    /// What leaves by a port, from its IP header on, after a packet came.
    std::vector<Bytes> inside(const Ip& ip) { return pass("a", ip, "b"); }
    std::vector<Bytes> outside(const Ip& ip) { return pass("b", ip, "a"); }
    std::vector<Bytes> pass(const std::string& in, const Ip& ip, const char* out) {
        rig.send(in.c_str(), in == "a" ? router.from_a(ip) : router.from_b(ip));
        return packets(rig.sent(out));
    }
    static std::vector<Bytes> packets(const std::vector<Bytes>& frames) {
        std::vector<Bytes> all;
        for (const Bytes& frame : frames)
            all.emplace_back(frame.begin() + 14, frame.end());
        return all;
    }
    /// Of a packet with ports or an identifier, in host order: those at the transport header.
    static unsigned port(const Bytes& ip, bool destination = false) {
        const std::size_t at = (ip[0] >> 4 == 6 ? 40u : (ip[0] & 15u) * 4) + (destination ? 2 : 0);
        return static_cast<unsigned>(ip[at] << 8 | ip[at + 1]);
    }
    /// The workers' clock, milliseconds.
    FlowTime now() const { return 1'000'000; }
    std::uint64_t slow() {
        std::uint64_t all = 0;
        for (const auto& worker : rig.shared().workers)
            all += worker->stages[static_cast<std::size_t>(StageId::ip_input)].packets.get();
        return all;
    }

    static constexpr const char *host_a3 = "02:00:00:00:0a:03", *host_c = "02:00:00:00:0b:03";
    Firewall firewall;
    Router& router = firewall.router;
    Rig& rig = firewall.rig;

  private:
    static std::string near(const std::string& name) { return name == "a" ? "10.0.1.1" : "10.0.2.1"; }
};

}  // namespace weft::test
