#include "dataplane/port/vhost.hpp"

namespace weft::ports {

std::uint16_t Vhost::receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                             ReceiveLoss& loss) noexcept {
    Direction& d = *receivers_[queue];
    if (!d.gate.enter()) return 0;
    const auto count = d.receive(guest_, pool_, out, n, loss);
    d.gate.leave();
    return count;
}

std::uint16_t Vhost::transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                              TransmitLoss& loss) noexcept {
    Direction& d = *senders_[queue];
    if (!d.gate.enter()) return 0;
    const auto count = d.transmit(guest_, in, n, loss);
    d.gate.leave();
    return count;
}

}  // namespace weft::ports
