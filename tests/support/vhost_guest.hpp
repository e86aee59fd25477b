// A virtual machine without the machine: the front end of vhost-user and a driver of split rings, for tests.
// It speaks the protocol on its own (QEMU's docs/interop/vhost-user.rst), so that it can also lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/port/netns.hpp"
#include "weft/net/virtio_net.hpp"

namespace weft::test {

namespace feature {
inline constexpr std::uint64_t bit(unsigned n) {
    return std::uint64_t{1} << n;
}
inline constexpr std::uint64_t csum = bit(0), guest_csum = bit(1), guest_tso4 = bit(7), guest_tso6 = bit(8),
                               guest_ecn = bit(9), host_tso4 = bit(11), host_tso6 = bit(12),
                               host_ecn = bit(13), host_ufo = bit(14), mrg_rxbuf = bit(15), mq = bit(22),
                               log_all = bit(26), indirect = bit(28), event_idx = bit(29), protocol = bit(30),
                               version_1 = bit(32), packed = bit(34);
/// What a Linux guest takes of a port.
inline constexpr std::uint64_t linux = csum | guest_csum | guest_tso4 | guest_tso6 | guest_ecn | host_tso4 |
                                       host_tso6 | host_ecn | mrg_rxbuf | indirect | event_idx | protocol |
                                       version_1;
}  // namespace feature

struct GuestOptions {
    std::uint64_t features = feature::linux;
    unsigned pairs = 1;
    unsigned ring_size = 128;
    unsigned buffer_bytes = 2048;  ///< of each receive buffer
    bool weft_is_server = false;
};

/// A descriptor of a split ring, for those who write their own.
struct GuestDescriptor {
    std::uint64_t address;
    std::uint32_t length;
    std::uint16_t flags, next;
};

/// A frame as the guest got it.
struct GuestFrame {
    VirtioNetHeader header{};
    std::uint16_t buffers = 1;  ///< num_buffers, where the header has it
    std::vector<std::uint8_t> bytes;
};

class VhostGuest {
  public:
    /// Listens at `path`, or, if weft is the server there, connects with connect().
    VhostGuest(std::string path, const GuestOptions& options);
    ~VhostGuest();
    VhostGuest(const VhostGuest&) = delete;
    VhostGuest& operator=(const VhostGuest&) = delete;

    /// Waits until weft is there and tells it everything. False if it does not come or refuses.
    bool connect(int milliseconds = 3000);
    /// The same in its parts.
    bool accept(int milliseconds);
    bool set_up(const GuestOptions& options);
    void enable(unsigned pair, bool on);
    /// Says that the shared memory has so many bytes. False if weft refuses.
    bool share_memory(std::size_t bytes);
    /// Shrinks the shared memory's file to nothing. From now on the guest itself may not look there.
    void shrink_memory();
    /// Ends the connection; memory and path stay.
    void disconnect();

    /// Sends a message, with a reply or acknowledgement awaited. Null: the connection ended.
    std::optional<std::uint64_t> ask(std::uint32_t request, std::span<const std::byte> payload = {},
                                     std::span<const int> descriptors = {}, bool reply = false);
    std::optional<std::uint64_t> ask(std::uint32_t request, std::uint64_t value, bool reply = false);
    /// Sends bytes that need be no message.
    void say(std::span<const std::byte> bytes);
    /// Whether weft has ended the connection, within a time.
    [[nodiscard]] bool abandoned(int milliseconds = 1000);

    /// Gives weft a frame, in pieces of at most `piece` bytes; the header is a piece of its own where
    /// `apart`. False if the ring is full.
    bool send(std::span<const std::uint8_t> frame, VirtioNetHeader header = {}, unsigned pair = 0,
              std::size_t piece = 65536, bool apart = true, bool indirect = false);
    /// Frames that weft has done with.
    [[nodiscard]] unsigned sent(unsigned pair = 0);
    /// The next frame that weft gave; none if there is none now.
    std::optional<GuestFrame> receive(unsigned pair = 0);

    // --- what lies in the shared memory ---
    [[nodiscard]] std::byte* memory() const noexcept { return memory_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return memory_bytes_; }
    /// As descriptors name it.
    [[nodiscard]] std::uint64_t address(std::size_t offset) const noexcept { return physical + offset; }
    [[nodiscard]] GuestDescriptor* descriptors(unsigned ring) const noexcept;
    [[nodiscard]] std::uint16_t* available(unsigned ring) const noexcept;  ///< flags, index, ring
    [[nodiscard]] std::uint16_t* used(unsigned ring) const noexcept;       ///< flags, index, pairs of 32 bits
    [[nodiscard]] std::size_t buffers(unsigned ring) const noexcept;       ///< offset of the ring's buffers
    [[nodiscard]] int call_descriptor(unsigned ring) const noexcept { return calls_[ring].get(); }
    [[nodiscard]] std::uint64_t offered() const noexcept { return offered_; }
    [[nodiscard]] std::uint64_t pairs_offered() const noexcept { return pairs_offered_; }
    /// Makes a descriptor chain available.
    void offer(unsigned ring, std::uint16_t head);

    static constexpr std::uint64_t physical = 0x4000'0000, virtually = 0x7000'0000'0000;
    static constexpr std::size_t ring_bytes = 65536, send_bytes = 1 << 20;

  private:
    bool set_ring(unsigned ring);
    void fill(unsigned pair);

    std::string path_;
    GuestOptions options_;
    ports::Fd listener_, peer_, file_;
    std::byte* memory_ = nullptr;
    std::size_t memory_bytes_ = 0;
    std::vector<ports::Fd> kicks_, calls_;
    std::vector<std::uint16_t> seen_, next_;  ///< by ring: used index seen, next descriptor
    std::vector<std::size_t> free_;           ///< by pair: where the next frame to send goes
    bool acknowledges_ = false;               ///< VHOST_USER_PROTOCOL_F_REPLY_ACK was agreed on
    std::uint64_t offered_ = 0, pairs_offered_ = 0;
};

}  // namespace weft::test
