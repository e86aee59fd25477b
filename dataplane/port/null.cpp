#include "dataplane/port/null.hpp"

#include "dataplane/port/free_burst.hpp"

namespace weft::ports {

std::uint16_t Null::receive(std::uint16_t, Packet*[], std::uint16_t, ReceiveLoss&) noexcept {
    return 0;
}

std::uint16_t Null::transmit(std::uint16_t queue, Packet* in[], std::uint16_t n, TransmitLoss&) noexcept {
    sent_[queue].good.add(n, free_burst(in, n));
    return n;
}

}  // namespace weft::ports
