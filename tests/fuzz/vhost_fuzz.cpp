// A front end of vhost-user that says anything: through a socket, to the library and a port of ours, with the
// memory shared and a worker that polls meanwhile.
//
// The connection is set up rightly; then the input is followed. A step is 1 byte: 0 to 39 a message of that
// request with the next 1 + n bytes as payload (bit 7 of the first: with a descriptor); 40 to 127 a write to
// ring 0's or 1's parts (offset (2), length (1), bytes); else a burst each way.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/dpdk/eal.hpp"
#include "dataplane/dpdk/pool.hpp"
#include "dataplane/port/open.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/support/vhost_guest.hpp"
#include "weft/port.hpp"

namespace weft::fuzz {
namespace {

/// Started once: EAL, a port that listens.
struct Bench {
    Bench() {
        auto started =
            start_eal({.worker_cpus = {0}, .no_huge = true, .memory_mb = 64, .extra = {"--no-pci"}});
        require(static_cast<bool>(started), "EAL starts");
        auto made = PacketPool::create("fuzz", 2048);
        require(static_cast<bool>(made), "there is memory for a pool");
        pool.emplace(std::move(*made));
        path = "/tmp/weft-fuzz-" + std::to_string(getpid());
        auto opened = open_vhost("v0", path, true, {.rx = 2}, {.pool = pool->get(), .workers = 2});
        require(static_cast<bool>(opened), "the port opens");
        port = std::move(*opened);
        static_cast<void>(port->set_up(true));
        std::atexit([] { unlink(bench().path.c_str()); });
    }
    static Bench& bench();
    std::optional<PacketPool> pool;
    std::string path;
    std::unique_ptr<Port> port;
};

Bench& Bench::bench() {
    static Bench* one = new Bench;
    return *one;
}

void exchange(Port& port, rte_mempool* pool) {
    for (const std::uint16_t queue : {0, 1}) {
        Packet* packets[batch_size];
        ReceiveLoss lost;
        const auto n = port.receive(queue, packets, batch_size, lost);
        for (std::uint16_t i = 0; i < n; ++i)
            Packet::free(packets[i]);
        rte_mbuf* m = rte_pktmbuf_alloc(pool);
        std::memset(rte_pktmbuf_append(m, 200), 1, 200);
        packets[0] = Packet::from(m);
        packets[0]->meta = {};
        TransmitLoss loss;
        if (port.transmit(queue, packets, 1, loss) == 0) Packet::free(packets[0]);
    }
}

void run(Input input) {
    Bench& b = Bench::bench();
    test::VhostGuest guest{b.path,
                           {.features = test::feature::linux | (input.byte() & 1 ? test::feature::packed : 0),
                            .ring_size = 16,
                            .buffer_bytes = 512,
                            .weft_is_server = true}};
    if (!guest.connect()) return;
    for (int step = 0; step < 64 && !input.rest().empty(); ++step) {
        const unsigned what = input.byte();
        if (what < 40) {
            const auto length = input.byte();
            const auto rest = input.rest();
            const auto n = std::min<std::size_t>(length & 0x7f, rest.size());
            std::byte payload[128];
            for (std::size_t i = 0; i < n; ++i)
                payload[i] = std::byte{input.byte()};
            const int fd = guest.call_descriptor(0);
            if (!guest.ask(what, std::span{payload, n}, {&fd, length & 0x80 ? 1u : 0u})) break;
        } else if (what < 128) {
            const auto at = input.take<std::uint16_t>() % (2 * test::VhostGuest::ring_bytes);
            const auto n = std::min<std::size_t>(input.byte(), input.rest().size());
            for (std::size_t i = 0; i < n; ++i)
                guest.memory()[at + i] = std::byte{input.byte()};
        } else {
            exchange(*b.port, b.pool->get());
        }
    }
    exchange(*b.port, b.pool->get());
    guest.disconnect();
    for (int turn = 0; turn < 2000 && b.port->info().link_up; ++turn)
        usleep(100);
    require(b.pool->in_use() == 0, "every buffer is back");
}

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    weft::fuzz::run({data, size});
    return 0;
}
