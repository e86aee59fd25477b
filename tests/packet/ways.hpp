// Ways to a host that is not behind a port itself: sub-interfaces, QinQ, bridges, veth ends.
#pragma once

#include <gtest/gtest.h>

#include <tuple>

#include "tests/packet/talk.hpp"

namespace weft::test {

inline constexpr const char* host_c = "02:00:00:00:00:0c";
inline constexpr Pair c4{"10.0.7.2", "10.0.2.2", "10.0.7.2/32"},
    c6{"2001:db8:7::2", "2001:db8:2::2", "2001:db8:7::2/128"};

/// An interface behind port c, and the tags of its frames there.
struct Way {
    const char *name, *interface, *configuration;
    std::vector<std::pair<std::uint16_t, std::uint16_t>> tags;  ///< TPID, VID
};
inline const Way ways[] = {
    {"vlan", "c.5", "ip link add link c name c.5 up type vlan id 5\n", {{0x8100, 5}}},
    {"qinq",
     "c.s.6",
     "ip link add link c name c.s up type vlan proto 802.1ad id 100\n"
     "ip link add link c.s name c.s.6 up type vlan id 6\n",
     {{0x88a8, 100}, {0x8100, 6}}},
    {"bridge",
     "br0",
     "ip link add br0 address 02:bb:00:00:00:01 up type bridge\nip link set c master br0\n",
     {}},
    {"vlan_on_bridge",
     "br0.7",
     "ip link add br0 address 02:bb:00:00:00:01 up type bridge\nip link set c master br0\n"
     "ip link add link br0 name br0.7 up type vlan id 7\n",
     {{0x8100, 7}}},
    {"veth",
     "v0",
     "ip link add br0 up type bridge\nip link set c master br0\n"
     "ip link add v0 address 02:bb:00:00:00:02 up type veth peer name v1\nip link set v1 up\nip link set v1 "
     "master br0\n",
     {}},
};

/// A test of each way, with these rigs: of host C behind port c, 10.0.7.2, 2001:db8:7::2.
class WayTest : public testing::TestWithParam<std::tuple<Way, RigOptions>> {
  protected:
    static const Way& way() { return std::get<0>(GetParam()); }
    Firewall make() {
        return Firewall(std::get<1>(GetParam()),
                        std::string("port add c up type null\n") + way().configuration, {way().interface});
    }
    void enter(Firewall& one) {
        for (const Pair& who : {c4, c6})
            one.router.route(who.more_b,
                             one.router.hop({.interface = way().interface, .gateway = who.a, .mac = host_c}));
        one.router.publish();
        // The bridge has to know where the host is.
        one.rig.send("c", frame(*parse_mac(host_c), *parse_mac(all_hosts), 0x0806, Bytes(46)));
        static_cast<void>(one.rig.all_sent());
        static_cast<void>(one.rig.punted(way().interface));
    }
    static Bytes frame(const MacAddress& from, const MacAddress& to, std::uint16_t type,
                       const Bytes& payload) {
        Frame built;
        built.from(from).to(to).type(type).payload(payload);
        for (const auto& [tpid, vid] : way().tags)
            built.tag(vid, 0, false, tpid);
        return built;
    }
    static std::uint16_t type_of(const Ip& ip) { return ip.bytes()[0] >> 4 == 6 ? 0x86dd : 0x0800; }
    static Bytes from_c(Firewall& one, const Ip& ip) {
        return frame(*parse_mac(host_c), one.rig.mac(way().interface), type_of(ip), ip.bytes());
    }
    static Bytes to_c(Firewall& one, const Ip& ip) {
        return frame(one.rig.mac(way().interface), *parse_mac(host_c), type_of(ip), ip.bytes());
    }
};
/// What a guest leaves to the port: a sum to finish, a segment to cut up.
struct Left {
    Metadata meta{};
    Ip ip;
};
inline Left leave_to_port(const Pair& who, bool backwards, unsigned size, std::uint16_t gso_size) {
    const bool v6 = std::string(who.a).find(':') != std::string::npos;
    Left left{.ip = backwards ? Ip(who.b, who.a) : Ip(who.a, who.b)};
    left.ip.payload(size).tcp(backwards ? 80u : 1000u, backwards ? 1000u : 80u);
    const std::size_t header = v6 ? 40 : 20;
    left.meta.checksum = ChecksumState::unfinished;
    left.meta.checksum_start = static_cast<std::uint16_t>(ethernet_header_size + header);
    left.meta.checksum_offset = offsetof(TcpHeader, checksum);
    if (gso_size) {
        left.meta.gso_type = v6 ? GsoType::tcp6 : GsoType::tcp4;
        left.meta.gso_size = gso_size;
    }
    return left;
}

inline const auto every_way = testing::Combine(
    testing::ValuesIn(ways), testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2},
                                             RigOptions{.workers = 1, .offloads = Offload::vlan_insert}));
inline std::string name_of_way(const testing::TestParamInfo<std::tuple<Way, RigOptions>>& info) {
    const RigOptions& options = std::get<1>(info.param);
    return std::string(std::get<0>(info.param).name) + "_" + std::to_string(options.workers) +
           (options.offloads ? "_inserts_tags" : "");
}

}  // namespace weft::test
