#include "dataplane/port/ethdev.hpp"

#include "dataplane/port/ethdev_offload.hpp"

namespace weft::ports {

std::uint16_t Ethdev::receive(std::uint16_t queue, Packet* out[], std::uint16_t n, ReceiveLoss&) noexcept {
    Gate& gate = receivers_[queue];
    if (!gate.enter()) return 0;
    const auto count = api_.rx_burst(id_, queue, reinterpret_cast<rte_mbuf**>(out), n);
    gate.leave();
    for (std::uint16_t i = 0; i < count; ++i) {
        if (i + 4 < count) {
            rte_prefetch0(out[i + 4]);
            rte_prefetch0(&out[i + 4]->meta);
        }
        take_offloads(*out[i]);
        rte_prefetch0(out[i]->data());  // fresh from the device: in the last-level cache at best
    }
    return count;
}

std::uint16_t Ethdev::transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                               TransmitLoss& loss) noexcept {
    Sender& sender = senders_[queue];
    if (!sender.gate.enter()) return 0;
    std::uint16_t done = 0;
    for (bool refused = true; refused && done < n;) {
        refused = false;
        bool prepare = false;
        std::uint16_t ready = 0;
        auto** burst = reinterpret_cast<rte_mbuf**>(in + done);
        for (; done + ready < n; ++ready) {
            Packet*& packet = in[done + ready];
            const Order what = fits(*packet) ? order(packet, pool_) : Order::refused;
            refused = what == Order::refused;
            if (refused) break;
            prepare |= what == Order::prepare;
        }
        if (prepare) {
            const auto good = api_.tx_prepare(id_, queue, burst, ready);
            refused |= good < ready;
            ready = good;
        }
        const auto sent = ready ? api_.tx_burst(id_, queue, burst, ready) : std::uint16_t{0};
        done = static_cast<std::uint16_t>(done + sent);
        if (sent < ready) break;
        if (refused) {
            ++loss.packets;
            loss.bytes += in[done]->length();
            Packet::free(in[done++]);
            sender.refused.add(1);
        }
    }
    sender.gate.leave();
    return done;
}

}  // namespace weft::ports
