// How long ageing keeps a worker from its packets: N UDP connections that end in one second, all of them in
// reach of one call; and as many that live on, each looked at. Prints the calls' times, as a worker makes
// them between bursts.
//
//     age_bench [CONNECTIONS]
#include <fmt/format.h>
#include <rte_cycles.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/flow/tracker.hpp"
#include "perf/tsc.hpp"

namespace weft {
namespace {

class Bench {
  public:
    explicit Bench(std::uint32_t connections) : connections_(connections) {
        config_.max = 2 * connections;
        tracker_ = std::make_unique<FlowTracker>(config_.max, 1, 3, 4);
        tracker_->populate();
    }
    /// In an order that has nothing to do with that of their memory when they end.
    void fill() {
        std::mt19937 random(5);
        for (std::uint32_t i = 0; i < connections_; ++i)
            begin(0x0a00'0000 + i, static_cast<std::uint16_t>(1024 + random() % 60'000));
    }
    void pass(FlowTime milliseconds) { now_ += milliseconds; }
    void keep_all() {
        for (std::uint32_t i = 1; i <= connections_; ++i)
            tracker_->state_of(i << 1).deadline.store(now_ + 2'000'000'000, std::memory_order_relaxed);
    }
    /// Calls until nothing is left to do.
    void run(const char* what) {
        std::vector<double> times;
        std::uint64_t looked = 0;
        for (unsigned done = FlowTracker::aged_at_once; done >= FlowTracker::aged_at_once; looked += done) {
            const std::uint64_t start = rte_rdtsc();
            done = tracker_->age(moment(), FlowTracker::aged_at_once);
            times.push_back(static_cast<double>(rte_rdtsc() - start) * microseconds_);
        }
        std::sort(times.begin(), times.end());
        const auto at = [&](std::size_t of_1000) { return times[(times.size() - 1) * of_1000 / 1000]; };
        fmt::print(
            "{}: {} looked at in {} calls; us a call: median {:.1f}, 99 of 100 {:.1f}, 999 of 1000 {:.1f}, "
            "worst "
            "{:.1f}; {} connections are left\n",
            what, looked, times.size(), at(500), at(990), at(999), times.back(), tracker_->count());
    }

  private:
    FlowMoment moment() const { return {config_, 0, now_, 0}; }
    void begin(std::uint32_t source, std::uint16_t port) {
        struct {
            Ipv4Header ip;
            UdpHeader udp;
        } packet{};
        packet.ip.version_ihl = 0x45;
        packet.ip.total_length = be16{sizeof packet};
        packet.ip.ttl = 64;
        packet.ip.protocol = ip_protocol::udp;
        packet.ip.source = be32{source};
        packet.ip.destination = be32{0xc0a8'0001};
        packet.udp = {be16{port}, be16{443}, be16{sizeof packet.udp}, be16{0}};
        const Tracked fresh = tracker_->in(
            {reinterpret_cast<const std::byte*>(&packet), sizeof packet, sizeof packet}, 0, 0, moment());
        if (!fresh.fresh || tracker_->confirm(fresh.ref, moment()) != Confirmed::done) {
            fmt::print(stderr, "a connection could not begin\n");
            std::exit(1);
        }
    }

    std::uint32_t connections_;
    FlowConfig config_;
    FlowTime now_ = 1'000'000;
    std::unique_ptr<FlowTracker> tracker_;
    double microseconds_ = perf::nanoseconds_a_clock() / 1000;
};

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
    const auto connections =
        argc > 1 ? static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 1'000'000;
    weft::Bench bench(connections);
    bench.fill();
    bench.keep_all();
    bench.pass(300'000);
    bench.run("all live on");
    bench.pass(2'000'000'000);
    bench.run("all end");
    return 0;
}
