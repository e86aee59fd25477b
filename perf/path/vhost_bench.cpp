// Clocks a packet of vhost-user bursts, weft's beside the library's (net_vhost), in turns on one thread with
// a guest of split rings.
//   build/perf/path/vhost_bench [ROUNDS]
// The least of all bursts of 64: what the code takes when nobody interrupts it. The guest's buffers are in
// the cache, one piece a frame or the header apart.
#include <fmt/core.h>
#include <rte_cycles.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/dpdk/eal.hpp"
#include "dataplane/dpdk/pool.hpp"
#include "dataplane/port/open.hpp"
#include "tests/support/vhost_guest.hpp"
#include "weft/port.hpp"

namespace {

using namespace weft;
using test::VhostGuest;

/// A port with its guest.
struct Bench {
    const char* name;
    std::unique_ptr<VhostGuest> guest;
    std::unique_ptr<Port> port;
    std::uint64_t receive = UINT64_MAX, transmit = UINT64_MAX;
};

Bench open(const char* name, bool library, const PortEnvironment& environment) {
    const std::string path = fmt::format("/tmp/weft-bench-{}-{}", getpid(), library);
    Bench bench{name, std::make_unique<VhostGuest>(path, test::GuestOptions{.ring_size = 256}), nullptr};
    auto port = library ? open_ethdev(name, "net_vhost0,client=1,iface=" + path, {}, environment)
                        : open_vhost(name, path, false, {}, environment);
    if (!port || !(*port)->set_up(true) || !bench.guest->connect()) {
        fmt::print(stderr, "{}: {}\n", name, port ? "no connection" : port.error().message);
        std::exit(1);
    }
    bench.port = std::move(*port);
    usleep(200'000);
    return bench;
}

/// One burst each way. False if the ring did not take it.
bool burst(Bench& bench, const std::vector<std::uint8_t>& frame, bool apart) {
    for (int i = 0; i < batch_size; ++i)
        if (!bench.guest->send(frame, {}, 0, 65536, apart)) return false;
    Packet* packets[batch_size];
    std::uint16_t count = 0;
    const std::uint64_t begin = rte_rdtsc();
    for (int turn = 0; turn < 2 && count < batch_size; ++turn) {  // the library hands out 32 at most
        ReceiveLoss loss;
        count = static_cast<std::uint16_t>(
            count +
            bench.port->receive(0, packets + count, static_cast<std::uint16_t>(batch_size - count), loss));
    }
    const std::uint64_t received = rte_rdtsc();
    if (count < batch_size) return false;
    TransmitLoss loss;
    const std::uint16_t sent = bench.port->transmit(0, packets, count, loss);
    const std::uint64_t end = rte_rdtsc();
    for (std::uint16_t i = sent; i < count; ++i)
        Packet::free(packets[i]);
    while (bench.guest->receive()) {
    }
    if (sent < count) return false;
    bench.receive = std::min(bench.receive, received - begin);
    bench.transmit = std::min(bench.transmit, end - received);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 5000;
    auto eal = start_eal({.worker_cpus = {0}, .no_huge = true, .memory_mb = 128, .extra = {"--no-pci"}});
    if (!eal) return 1;
    auto pool = PacketPool::create("bench", 8192);
    if (!pool) return 1;
    const PortEnvironment environment{.pool = pool->get()};
    Bench all[] = {open("weft", false, environment), open("net_vhost", true, environment)};
    fmt::print("| clocks of {:.2f} GHz a packet | receive | transmit |\n|---|---|---|\n",
               static_cast<double>(rte_get_tsc_hz()) / 1e9);
    for (const std::size_t size : {60, 1514})
        for (const bool apart : {false, true}) {
            std::vector<std::uint8_t> frame(size);
            frame[0] = frame[6] = 2;
            for (auto& bench : all)
                bench.receive = bench.transmit = UINT64_MAX;
            for (int round = 0; round < rounds; ++round)
                for (auto& bench : all)
                    if (!burst(bench, frame, apart)) return 1;
            for (const auto& bench : all)
                fmt::print("| {}, {} B, {} | {:.0f} | {:.0f} |\n", bench.name, size + 4,
                           apart ? "header apart" : "one piece",
                           static_cast<double>(bench.receive) / batch_size,
                           static_cast<double>(bench.transmit) / batch_size);
        }
    for (auto& bench : all)
        bench.port.reset();
    return 0;
}
