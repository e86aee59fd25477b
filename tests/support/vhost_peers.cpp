// Many guests in one process, for the smoke suite.
//   vhost_peers FOLDER N [SECONDS]       N guests, servers at FOLDER/0.sock …; each sends one frame to the
//   next
//                                        and stays SECONDS more
//   vhost_peers --server PATH SECONDS    one guest that connects to weft and then makes a buffer available
//   that
//                                        its ring does not have
#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/vhost_guest.hpp"

namespace {

using weft::test::VhostGuest;

std::vector<std::uint8_t> frame_between(unsigned from, unsigned to) {
    std::vector<std::uint8_t> frame(60);
    frame[0] = frame[6] = 2;
    frame[5] = static_cast<std::uint8_t>(to);
    frame[11] = static_cast<std::uint8_t>(from);
    frame[12] = 0x88;
    frame[13] = 0xb5;
    return frame;
}

/// Has every guest say who it is, then write to the next; counts the frames that arrived whole.
unsigned exchange(std::vector<std::unique_ptr<VhostGuest>>& guests) {
    const auto n = static_cast<unsigned>(guests.size());
    for (unsigned i = 0; i < n; ++i)
        static_cast<void>(guests[i]->send(frame_between(i, i)));  // for the FDB; the bridge sends it nowhere
    usleep(300'000);
    for (unsigned i = 0; i < n; ++i)
        static_cast<void>(guests[i]->send(frame_between(i, (i + 1) % n)));
    unsigned arrived = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    std::vector<bool> seen(n);
    while (arrived < n && std::chrono::steady_clock::now() < end)
        for (unsigned i = 0; i < n; ++i)
            while (auto got = guests[i]->receive())
                if (!seen[i] && got->bytes == frame_between((i + n - 1) % n, i)) {
                    seen[i] = true;
                    ++arrived;
                }
    return arrived;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    std::vector<std::unique_ptr<VhostGuest>> guests;
    if (std::string{argv[1]} == "--server") {
        VhostGuest guest{argv[2], {.weft_is_server = true}};
        if (!guest.connect()) return 1;
        guest.offer(1, 9999);
        sleep(static_cast<unsigned>(std::atoi(argv[3])));
        return 0;
    }
    const auto n = static_cast<unsigned>(std::atoi(argv[2]));
    for (unsigned i = 0; i < n; ++i)
        guests.push_back(
            std::make_unique<VhostGuest>(fmt::format("{}/{}.sock", argv[1], i), weft::test::GuestOptions{}));
    for (auto& guest : guests)
        if (!guest->connect(10'000)) {
            fmt::print("a guest is not connected\n");
            return 1;
        }
    if (n > 1) {
        usleep(500'000);  // until control has seen every link
        fmt::print("{} peers, {} frames arrived\n", n, exchange(guests));
    }
    if (argc > 3) sleep(static_cast<unsigned>(std::atoi(argv[3])));
    return 0;
}
