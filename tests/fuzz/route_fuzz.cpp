// Any IP packet, cut into any segments, into a router of two ports.
//
// Input: 1 byte number of segment sizes (low 2 bits), those sizes (1 byte each); settings (1 byte, see
// Setting); mbufs that the pool still gives (1; 255: any number); zeros to append (2); the packet from the IP
// header on.
#include "tests/fuzz/router.hpp"

namespace weft::fuzz {
namespace {

void run(Input input) {
    static Router router;
    std::vector<std::size_t> sizes(input.byte() & 3);
    for (auto& size : sizes)
        size = input.byte();
    const std::uint8_t settings = input.byte(), mbufs = input.byte();
    const auto zeros = input.take<std::uint16_t>();
    router.set(settings);

    std::vector<std::uint8_t> frame;
    if (!(settings & Setting::own_ethernet)) {
        const MacAddress to = settings & Setting::group ? MacAddress{{1, 0, 0x5e, 0, 0, 1}} : own[in];
        frame = ethernet_to(to, settings & Setting::v6);
    }
    frame.insert(frame.end(), input.rest().begin(), input.rest().end());
    frame.resize(frame.size() + zeros % 2000);

    router.wires[in].waiting = arrived(router, frame, sizes);
    if (mbufs != 255) router.pool.set_limit(router.pool.live() + mbufs);
    router.worker.round(router.now_us += 2'000'000);
    for (const IfIndex i : {in, out})
        for (const Packet* sent : router.wires[i].sent)
            check_sent(*sent, i, settings);
    router.drain();
    router.pool.set_limit(~0u);
    require(router.pool.live() == 0, "every mbuf went back");
}

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    weft::fuzz::run({data, size});
    return 0;
}
