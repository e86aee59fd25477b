#include "dataplane/port/ring_sender.hpp"

#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "weft/net/virtio_net.hpp"

namespace weft::ports {

std::unique_ptr<RingSender> RingSender::open(int device_index) {
    Fd socket{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int on = 1, version = TPACKET_V2;
    tpacket_req ring{};
    ring.tp_block_size = slot_bytes * slots;
    ring.tp_block_nr = 1;
    ring.tp_frame_size = slot_bytes;
    ring.tp_frame_nr = slots;
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_ifindex = device_index;
    if (!socket || setsockopt(socket.get(), SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0 ||
        setsockopt(socket.get(), SOL_PACKET, PACKET_VERSION, &version, sizeof version) != 0 ||
        setsockopt(socket.get(), SOL_PACKET, PACKET_TX_RING, &ring, sizeof ring) != 0 ||
        bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return nullptr;
    void* memory = mmap(nullptr, ring.tp_block_size, PROT_READ | PROT_WRITE, MAP_SHARED, socket.get(), 0);
    if (memory == MAP_FAILED) return nullptr;
    return std::unique_ptr<RingSender>{new RingSender(std::move(socket), static_cast<std::byte*>(memory))};
}

RingSender::~RingSender() {
    munmap(ring_, slot_bytes * slots);
}

RingSender::Outcome RingSender::send(const iovec* iov, std::size_t n) noexcept {
    std::byte* const slot = ring_ + next_ * slot_bytes;
    auto& header = *reinterpret_cast<tpacket2_hdr*>(slot);
    if (__atomic_load_n(&header.tp_status, __ATOMIC_ACQUIRE) != TP_STATUS_AVAILABLE) return Outcome::full;

    std::byte* const start = slot + TPACKET2_HDRLEN - sizeof(sockaddr_ll);
    std::byte* to = start;
    for (std::size_t i = 0; i < n; ++i) {
        if (iov[i].iov_len > static_cast<std::size_t>(slot + slot_bytes - to)) return Outcome::refused;
        std::memcpy(to, iov[i].iov_base, iov[i].iov_len);
        to += iov[i].iov_len;
    }
    auto& virtio = *reinterpret_cast<VirtioNetHeader*>(start);
    header.tp_len = static_cast<std::uint32_t>(to - start);
    virtio.hdr_len = static_cast<std::uint16_t>(header.tp_len - sizeof virtio);
    __atomic_store_n(&header.tp_status, TP_STATUS_SEND_REQUEST, __ATOMIC_RELEASE);

    errno = 0;
    [[maybe_unused]] const auto sent = ::send(socket_.get(), nullptr, 0, MSG_DONTWAIT);
    const auto status = __atomic_load_n(&header.tp_status, __ATOMIC_ACQUIRE);
    if (!(status & (TP_STATUS_SEND_REQUEST | TP_STATUS_WRONG_FORMAT))) {
        next_ = (next_ + 1) % slots;
        return Outcome::sent;
    }
    // The kernel's head stays at a frame it did not take.
    __atomic_store_n(&header.tp_status, TP_STATUS_AVAILABLE, __ATOMIC_RELEASE);
    return errno == EAGAIN || errno == ENOBUFS ? Outcome::full : Outcome::refused;
}

}  // namespace weft::ports
