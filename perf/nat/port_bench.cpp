// How long SNAT takes to find a port for a new connection to one remote endpoint, the more of the outside
// address's ports other connections to it have: nanoseconds, median, 99th of 100 and the worst. Beside them
// stand a million connections to others.
//
//     port_bench [SEARCHES]
//
// The last row is of endpoint independent sources that come in vain, a thousand a millisecond, as one host
// has all ports.
//
// "cold": before each search 32 MiB of other memory are read, so that nothing of the table is in a cache that
// the worker's other work would have pushed out.
#include <fmt/format.h>
#include <rte_cycles.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/nat/choose.hpp"
#include "perf/tsc.hpp"

namespace weft {
namespace {

constexpr std::uint32_t inside = 0x0a00'0000, outside = 0xc633'6401, peer = 0xcb00'7101;
constexpr std::uint16_t service = 443;
constexpr FlowTime begin_ms = 1'000'000;

class Bench {
  public:
    Bench() {
        config_.max = 1U << 21;
        // Their answers go to another address, so that they are in the table and in nobody's way.
        for (std::uint32_t i = 0; i < others; ++i)
            enter(inside + 0x10'0000 + i, 5000, be32{0xc000'0200 + i % 200},
                  Tuple4{be32{0xc000'0200 + i % 200}, be32{outside + 1}, be16{service},
                         be16{static_cast<std::uint16_t>(1024 + i / 200)}});
    }

    /// Connections that have these ports of the outside address towards the peer.
    void take(const std::vector<std::uint16_t>& ports) {
        for (const std::uint16_t port : ports)
            enter(inside + ++hosts_, 5000, be32{peer}, answer(port));
    }
    /// One endpoint independent host's.
    void take_all(const hook::PortRange& ports) {
        for (std::uint32_t port = ports.low; port <= ports.high; ++port)
            enter(inside + 1, static_cast<std::uint16_t>(port), be32{peer},
                  answer(static_cast<std::uint16_t>(port)), FlowStatus::endpoint_independent);
    }

    struct Times {
        double median, most_of_100, worst;
        unsigned found;
    };
    /// Of a host whose own port another one has.
    Times search(const hook::NatTarget& range, std::uint16_t own_port, unsigned searches, bool cold) {
        std::vector<double> times;
        unsigned found = 0;
        for (unsigned i = 0; i < searches; ++i) {
            if (i % 1000 == 999) ++now_;
            const Tuple4 wanted{be32{inside + 0x8'0000 + i}, be32{peer}, be16{own_port}, be16{service}};
            const Tracked fresh = begin(wanted);
            if (cold) push_out();
            const std::uint64_t start = rte_rdtsc();
            const auto choice =
                choose_tuple(wanted, {*tracker_, fresh.ref, NatSide::source, range, moment(), random_});
            times.push_back(static_cast<double>(rte_rdtsc() - start) * nanoseconds_);
            found += choice.unique;
            tracker_->discard(fresh.ref, moment());
            tracker_->age(moment(), 64);
        }
        std::sort(times.begin(), times.end());
        return {times[times.size() / 2], times[times.size() * 99 / 100], times.back(), found};
    }

  private:
    static constexpr std::uint32_t others = 1'000'000;

    FlowMoment moment() const { return {config_, 0, now_, 0}; }
    static Tuple4 answer(std::uint16_t port) {
        return {be32{peer}, be32{outside}, be16{service}, be16{port}};
    }
    Tracked begin(const Tuple4& of) {
        struct {
            Ipv4Header ip;
            UdpHeader udp;
        } packet{};
        packet.ip.version_ihl = 0x45;
        packet.ip.total_length = be16{sizeof packet};
        packet.ip.ttl = 64;
        packet.ip.protocol = ip_protocol::udp;
        packet.ip.source = of.source;
        packet.ip.destination = of.destination;
        packet.udp = {of.source_port, of.destination_port, be16{sizeof packet.udp}, be16{0}};
        const Tracked fresh = tracker_->in(
            {reinterpret_cast<const std::byte*>(&packet), sizeof packet, sizeof packet}, 0, 0, moment());
        if (!fresh.fresh) {
            fmt::print(stderr, "a connection could not begin\n");
            std::exit(1);
        }
        return fresh;
    }
    void enter(std::uint32_t source, std::uint16_t port, be32 to, const Tuple4& reply,
               std::uint16_t status = 0) {
        const Tracked fresh = begin({be32{source}, to, be16{port}, be16{service}});
        tracker_->set_reply(fresh.ref, reply);
        tracker_->state_of(fresh.ref).set(
            static_cast<std::uint16_t>(FlowStatus::src_nat | FlowStatus::src_nat_done | status));
        if (tracker_->confirm(fresh.ref, moment()) != Confirmed::done) {
            fmt::print(stderr, "a connection could not be entered\n");
            std::exit(1);
        }
    }
    void push_out() {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < other_memory_.size(); i += 8)
            sum += other_memory_[i];
        asm volatile("" : : "r"(sum));
    }

    FlowConfig config_;
    std::unique_ptr<FlowTracker> tracker_ = std::make_unique<FlowTracker>(1U << 21, 1, 3, 4);
    NatRandom random_;
    FlowTime now_ = begin_ms;
    std::uint32_t hosts_ = 0;
    std::vector<std::uint64_t> other_memory_ = std::vector<std::uint64_t>(32 << 20 >> 3, 1);
    double nanoseconds_ = perf::nanoseconds_a_clock();
};

hook::NatTarget to_outside(hook::PortRange ports, bool range) {
    hook::NatTarget nat;
    nat.map_addresses = true;
    nat.addresses = {to_address(be32{outside}), to_address(be32{outside})};
    nat.map_ports = range;
    nat.ports = ports;
    return nat;
}

void print_row(const char* what, double taken, const Bench::Times& warm, const Bench::Times& cold,
               unsigned searches) {
    fmt::print("| {} | {:.1f} % | {:.0f} / {:.0f} / {:.0f} | {:.0f} / {:.0f} / {:.0f} | {:.1f} % |\n", what,
               taken, warm.median, warm.most_of_100, warm.worst, cold.median, cold.most_of_100, cold.worst,
               50.0 * (warm.found + cold.found) / searches);
}

/// A range of ports, more and more of which are taken; the host's own port is, from the first one on.
void run(const char* what, hook::PortRange ports, bool range, std::uint16_t own_port, unsigned searches) {
    Bench bench;
    std::vector<std::uint16_t> order;
    for (std::uint32_t port = ports.low; port <= ports.high; ++port)
        if (port != own_port) order.push_back(static_cast<std::uint16_t>(port));
    std::shuffle(order.begin(), order.end(), std::mt19937(7));
    if (own_port >= ports.low && own_port <= ports.high) order.insert(order.begin(), own_port);
    std::size_t taken = 0;
    for (const double wanted : {0.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
        const auto until = std::max(
            taken, std::max(std::size_t{1},
                            static_cast<std::size_t>(wanted / 100 * static_cast<double>(order.size()))));
        bench.take({order.begin() + static_cast<std::ptrdiff_t>(taken),
                    order.begin() + static_cast<std::ptrdiff_t>(until)});
        taken = until;
        const auto nat = to_outside(ports, range);
        const auto warm = bench.search(nat, own_port, searches, false),
                   cold = bench.search(nat, own_port, std::max(searches / 10, 100U), true);
        Bench::Times scaled = cold;
        scaled.found = cold.found * (searches / std::max(searches / 10, 100U));
        print_row(what, 100.0 * static_cast<double>(taken) / static_cast<double>(order.size()), warm, scaled,
                  searches);
    }
}

/// Of sources that come when one host has them all.
void run_in_vain(hook::PortRange ports, unsigned searches) {
    Bench bench;
    bench.take_all(ports);
    auto nat = to_outside(ports, false);
    nat.endpoint_independent = true;
    const auto warm = bench.search(nat, 5000, searches, false),
               cold = bench.search(nat, 5000, std::max(searches / 10, 100U), true);
    print_row("1024-65535, endpoint independent", 100, warm, cold, searches);
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
    const unsigned searches = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 10'000;
    fmt::print(
        "| ports | taken | warm, ns: median / 99 of 100 / worst | cold | found |\n|---|---|---|---|---|\n");
    weft::run("1024-65535", {1024, 65535}, false, 5000, searches);
    weft::run("a block of 1000", {4024, 5023}, true, 60000, searches);
    weft::run_in_vain({1024, 65535}, searches);
    return 0;
}
