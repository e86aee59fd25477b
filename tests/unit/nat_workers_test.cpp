// Two workers that translate: both begin, use and end connections of the same hosts with too few outside
// ports, while a third thread ends some and replaces rules. Run under TSan, only there.
#include <map>

#include "tests/unit/two_workers.hpp"

namespace weft::test {
namespace {

using hook::Hook;
using hook::NatTarget;

/// Outside addresses and their ports, which are fewer than the sources that want one.
constexpr std::uint32_t shared_address = 0x0a00'0264, independent_address = 0x0a00'0265;
constexpr hook::PortRange shared_ports{4000, 4049}, independent_ports{5000, 5039};
const std::string peer = "10.0.2.2", other_peer = "10.0.2.3", stranger = "10.0.2.9";

NatTarget to_ports(std::uint32_t address, hook::PortRange ports) {
    NatTarget target;
    target.map_addresses = target.map_ports = true;
    target.addresses = {to_address(be32{address}), to_address(be32{address})};
    target.ports = ports;
    return target;
}

/// -p PROTOCOL -d DESTINATION -j what
hook::SharedRule rule(hook::RuleId id, std::uint8_t protocol, const std::string& destination,
                      const NatTarget& what) {
    auto made = std::make_shared<hook::RuleCode>();
    made->id = id;
    made->step = hook::Step::nat;
    made->target = what;
    made->simple.protocol = protocol;
    if (!destination.empty()) {
        const Bytes bytes = address_bytes(destination);
        std::copy(bytes.begin(), bytes.end(), made->simple.destination.address.bytes.begin());
        std::fill_n(made->simple.destination.mask.bytes.begin(), bytes.size(), 0xff);
    }
    return made;
}

std::vector<hook::SharedRule> rules4() {
    NatTarget independent = to_ports(independent_address, independent_ports), masquerade;
    independent.endpoint_independent = true;
    masquerade.kind = NatTarget::Kind::masquerade;
    return {rule(1, ip_protocol::udp, peer, to_ports(shared_address, shared_ports)),
            rule(2, ip_protocol::udp, other_peer, independent), rule(3, ip_protocol::tcp, peer, masquerade)};
}
std::vector<hook::SharedRule> rules6() {
    NatTarget target;
    target.map_addresses = target.map_ports = true;
    const Bytes outside = address_bytes("2001:db8:2::64");
    std::copy(outside.begin(), outside.end(), target.addresses.low.bytes.begin());
    target.addresses.high = target.addresses.low;
    target.ports = shared_ports;
    return {rule(1, ip_protocol::udp, "", target)};
}

std::shared_ptr<const hook::HookProgram> program(hook::Family family) {
    auto made = std::make_shared<hook::HookProgram>();
    made->family = family;
    for (std::size_t at = 0; at < hook::hook_count; ++at)
        made->nat[at] = {.table = hook::TableId::nat,
                         .chain = at == static_cast<std::size_t>(Hook::postrouting),
                         .policy = 4,
                         .drops = false};
    auto translating = std::make_shared<hook::ChainCode>();
    translating->blocks = {
        std::make_shared<hook::Block>(family, family == hook::Family::ip ? rules4() : rules6())};
    made->chains = {std::make_shared<hook::ChainCode>(), translating};
    made->ids = 5;
    made->tracks = made->translates = true;
    made->endpoint_independent = family == hook::Family::ip;
    return made;
}

class NatWorkers : public TwoWorkers {
  protected:
    static constexpr unsigned hosts = 4, ports = 50;  // of each host

    NatWorkers() : TwoWorkers(by_a(), by_b()) {
        change_rules();
        // Nobody sees an inside address, and what is for the inside goes nowhere else.
        far.judge = [](const std::uint8_t* frame, std::uint32_t) { return third_byte(frame, source4) != 2; };
        near.judge = [](const std::uint8_t* frame, std::uint32_t) {
            return third_byte(frame, destination4) != 1;
        };
    }
    static constexpr std::size_t source4 = 26, destination4 = 30, source6 = 22, destination6 = 38;
    /// 10.0.N.x and 2001:db8:N::x have their N there.
    static unsigned third_byte(const std::uint8_t* frame, std::size_t at4) {
        const bool v6 = frame[12] == 0x86;
        return v6 ? frame[(at4 == source4 ? source6 : destination6) + 5] : frame[at4 + 2];
    }
    static void add(std::vector<Bytes>& to, Ip ip, IfIndex side) { to.push_back(ip.frame(host, own[side])); }
    static std::vector<Bytes> by_a() {
        std::vector<Bytes> all;
        for (unsigned h = 0; h < hosts; ++h)
            for (unsigned port = 4000; port < 4000 + ports; ++port) {
                const std::string from = "10.0.1." + std::to_string(2 + h);
                add(all, Ip(from, peer).payload(20).udp(port, 53), a);
                add(all, Ip(from, other_peer).payload(20).udp(port, 53), a);
                add(all, Ip(from, peer).payload(20).tcp(port, 80), a);
                add(all,
                    Ip("2001:db8:1::" + std::to_string(2 + h), "2001:db8:2::2").payload(20).udp(port, 53), a);
            }
        return all;
    }
    static std::vector<Bytes> by_b() {
        std::vector<Bytes> all;
        const auto outside = [](std::uint32_t address) { return "10.0.2." + std::to_string(address & 0xff); };
        for (unsigned port = shared_ports.low; port <= shared_ports.high; ++port) {
            add(all, Ip(peer, outside(shared_address)).payload(20).udp(53, port), b);
            add(all, Ip("2001:db8:2::2", "2001:db8:2::64").payload(20).udp(53, port), b);
            add(all, Ip(peer, "10.0.2.1").payload(20).tcp(80, port), b);
        }
        for (unsigned port = independent_ports.low; port <= independent_ports.high; ++port)
            for (const std::string& from : {other_peer, stranger})
                add(all, Ip(from, outside(independent_address)).payload(20).udp(53, port), b);
        return all;
    }
    void change_rules() {
        auto filtering = std::make_unique<Filtering>();
        for (const bool of6 : {false, true}) {
            filtering->rules[of6] = program(of6 ? hook::Family::ip6 : hook::Family::ip);
            filtering->tracks[of6] = filtering->translates[of6] = true;
        }
        filtering->flows.udp_timeout = filtering->flows.udp_timeout_stream = 1;
        publish(std::move(filtering));
    }
    /// Independent ends that two sources have at once.
    unsigned ends_of_two() {
        unsigned two = 0;
        std::map<std::uint16_t, std::pair<std::uint32_t, std::uint16_t>> owners;
        std::uint32_t cursor = 0;
        do
            cursor = tracker->walk(cursor, 64, coarse_now(), [&](const FlowView& view) {
                if (!(view.status & FlowStatus::endpoint_independent) || view.kind.flags & FlowKind::ipv6)
                    return;
                const std::pair source{view.tuple4[0].source.host(), view.tuple4[0].source_port.host()};
                const auto [at, fresh] = owners.emplace(view.tuple4[1].destination_port.host(), source);
                two += !fresh && at->second != source;
            });
        while (cursor);
        return two;
    }
    static FlowTime coarse_now() { return static_cast<FlowTime>(coarse_microseconds() / 1000); }
};

TEST_F(NatWorkers, ShareTooFewPortsWhileConnectionsEnd) {
    run(std::chrono::milliseconds(1500), [&](unsigned turn) {
        if (turn % 8 == 0) change_rules();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        end_some(turn, 32, 64);
    });
    EXPECT_EQ(ends_of_two(), 0u);
    EXPECT_EQ(pool.live(), 0u);
    const std::uint64_t sent = near.sent + far.sent;
    EXPECT_EQ(near.received + far.received, sent + dropped());
    EXPECT_EQ(near.wrong, 0u);
    EXPECT_EQ(far.wrong, 0u);
    EXPECT_GT(near.sent, 500u) << "answers come in";
    EXPECT_GT(ended, 100u);
    EXPECT_TRUE(tracker->crowded().some());
    EXPECT_GT(drops([](DropReason reason) { return reason == DropReason::nat_no_port; }), 0u);
    const auto stage = static_cast<std::size_t>(StageId::flow_batch);
    EXPECT_GT(sum([&](const WorkerShare& worker) { return worker.stages[stage].packets.get(); }), 500u);
    EXPECT_GT(sum([](const WorkerShare& worker) { return worker.own.handed_over.get(); }), 100u);
}

}  // namespace
}  // namespace weft::test
