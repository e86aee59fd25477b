// A network namespace without a name, gone with the test, and raw sockets in it that see what the kernel
// sees.
#pragma once

#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>
#include "weft/net/byte_order.hpp"

#include <cstdlib>
#include <optional>
#include <string>
#include <thread>

#include "dataplane/port/netns.hpp"
#include "tests/packet/port_bench.hpp"
#include "weft/net/virtio_net.hpp"

namespace weft::test::port {

using ports::Fd;
using ports::InNamespace;

class Namespace {
  public:
    Namespace() {
        std::thread{[this] {
            if (unshare(CLONE_NEWNET) == 0)
                fd_ = Fd{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
        }}.join();
    }
    [[nodiscard]] bool usable() const { return static_cast<bool>(fd_); }
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// Runs a shell command in it; false if it fails.
    bool run(const std::string& command) const {
        auto scope = InNamespace::enter(fd());
        return scope && std::system(command.c_str()) == 0;
    }
    [[nodiscard]] PortEnvironment environment(unsigned workers = 1) const {
        return {pool(), fd(), fd(), workers};
    }

  private:
    Fd fd_;
};

/// A frame as a packet socket tells of it.
struct Seen {
    VirtioNetHeader header{};
    Bytes frame;
    std::optional<VlanTag> tag;  ///< that the kernel took off
};

/// The other end: a packet socket on a device, with virtio headers both ways.
class Wire {
  public:
    Wire(const Namespace& where, const std::string& device) {
        auto scope = InNamespace::enter(where.fd());
        fd_ = Fd{socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        const int on = 1, size = 8 << 20;
        setsockopt(fd_.get(), SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on);
        setsockopt(fd_.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof on);
        setsockopt(fd_.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
        setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = be16{ETH_P_ALL}.raw();
        address.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
        EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << device;
    }
    void send(const Bytes& frame, VirtioNetHeader header = {}) {
        iovec iov[] = {{&header, sizeof header}, {const_cast<std::uint8_t*>(frame.data()), frame.size()}};
        msghdr message{};
        message.msg_iov = iov;
        message.msg_iovlen = 2;
        EXPECT_EQ(sendmsg(fd_.get(), &message, 0), static_cast<ssize_t>(sizeof header + frame.size()))
            << std::strerror(errno);
    }
    /// The next frame from mac_a or mac_b; the kernel's own (router solicitations) are skipped. Waits up to 1
    /// s.
    std::optional<Seen> next() {
        for (;;) {
            pollfd wait{fd_.get(), POLLIN, 0};
            if (poll(&wait, 1, 1000) != 1) return std::nullopt;
            Seen seen;
            seen.frame.resize(70'000);
            alignas(cmsghdr) std::byte control[CMSG_SPACE(sizeof(tpacket_auxdata))];
            iovec iov[] = {{&seen.header, sizeof seen.header}, {seen.frame.data(), seen.frame.size()}};
            msghdr message{};
            message.msg_iov = iov;
            message.msg_iovlen = 2;
            message.msg_control = control;
            message.msg_controllen = sizeof control;
            const auto n = recvmsg(fd_.get(), &message, 0);
            if (n < static_cast<ssize_t>(sizeof seen.header)) return std::nullopt;
            seen.frame.resize(static_cast<std::size_t>(n) - sizeof seen.header);
            const auto& source = reinterpret_cast<EthernetHeader*>(seen.frame.data())->source;
            if (source != mac_a && source != mac_b) continue;
            tpacket_auxdata aux;
            std::memcpy(&aux, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof aux);
            if (aux.tp_status & TP_STATUS_VLAN_VALID)
                seen.tag = {be16{aux.tp_vlan_tpid}, be16{aux.tp_vlan_tci}};
            return seen;
        }
    }
    [[nodiscard]] bool silent() {
        pollfd wait{fd_.get(), POLLIN, 0};
        return poll(&wait, 1, 20) == 0;
    }

  private:
    Fd fd_;
};

/// Receives until `n` packets from mac_a or mac_b came or a second passed; others are freed.
inline void receive_ours(Port& port, Burst& burst, std::uint16_t n, std::uint16_t queue = 0) {
    for (std::uint16_t i = 0; i < burst.count; ++i)
        Packet::free(burst.packets[i]);
    burst.count = 0;
    for (int turn = 0; turn < 100 && burst.count < n; ++turn) {
        Packet* got[batch_size];
        const auto k =
            port.receive(queue, got, static_cast<std::uint16_t>(batch_size - burst.count), burst.loss);
        for (std::uint16_t i = 0; i < k; ++i) {
            const auto source = got[i]->ethernet().source;
            if (source == mac_a || source == mac_b)
                burst.packets[burst.count++] = got[i];
            else
                Packet::free(got[i]);
        }
        if (k == 0) {
            pollfd wait{port.wait_descriptor(queue), POLLIN, 0};
            poll(&wait, 1, 10);
        }
    }
}

/// The kernel tells of a carrier a moment later.
inline bool link_becomes(Port& port, bool up) {
    for (int turn = 0; turn < 200 && port.info().link_up != up; ++turn)
        usleep(5000);
    return port.info().link_up == up;
}

/// The headers with which a sender leaves work to us.
inline VirtioNetHeader unfinished_header(std::uint8_t protocol) {
    return {virtio::needs_checksum,
            0,
            0,
            0,
            test_l4,
            static_cast<std::uint16_t>(protocol == ip_protocol::tcp ? 16 : 6)};
}
inline VirtioNetHeader gso_header(std::uint8_t protocol, std::uint16_t size) {
    auto header = unfinished_header(protocol);
    header.gso_type = protocol == ip_protocol::tcp ? virtio::gso_tcp4 : virtio::gso_udp_l4;
    header.gso_size = size;
    header.hdr_len = static_cast<std::uint16_t>(test_l4 + (protocol == ip_protocol::tcp ? 20 : 8));
    return header;
}
/// The same in metadata.
inline void leave_unfinished(Packet& packet, std::uint8_t protocol, std::uint16_t gso_size = 0) {
    packet.meta.checksum = ChecksumState::unfinished;
    packet.meta.checksum_start = test_l4;
    packet.meta.checksum_offset = protocol == ip_protocol::tcp ? 16 : 6;
    packet.meta.gso_size = gso_size;
    if (gso_size) packet.meta.gso_type = protocol == ip_protocol::tcp ? GsoType::tcp4 : GsoType::udp;
}

}  // namespace weft::test::port
