#include "tests/support/vhost_guest.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace weft::test {

namespace {

using ports::Fd;

enum Request : std::uint32_t {
    get_features = 1,
    set_features = 2,
    set_owner = 3,
    set_mem_table = 5,
    set_vring_num = 8,
    set_vring_addr = 9,
    set_vring_base = 10,
    set_vring_kick = 12,
    set_vring_call = 13,
    get_protocol_features = 15,
    set_protocol_features = 16,
    get_queue_num = 17,
    set_vring_enable = 18,
};
constexpr std::uint32_t version = 1, need_reply = 8;
constexpr std::uint64_t protocol_mq = 1, protocol_reply_ack = 8;
constexpr std::uint16_t flag_next = 1, flag_write = 2, flag_indirect = 4;

struct Head {
    std::uint32_t request, flags, size;
};
struct RingState {
    std::uint32_t index, number;
};
struct RingAddress {
    std::uint32_t index, flags;
    std::uint64_t descriptors, used, available, log;
};
struct MemoryTable {
    std::uint32_t count, padding;
    std::uint64_t physical, size, virtually, offset;
};

template <class T>
std::span<const std::byte> bytes(const T& value) {
    return std::as_bytes(std::span{&value, 1});
}

std::uint16_t load(const std::uint16_t* at) {
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
    return address;
}

bool readable(int fd, int milliseconds) {
    pollfd wait{fd, POLLIN, 0};
    return poll(&wait, 1, milliseconds) == 1;
}

}  // namespace

VhostGuest::VhostGuest(std::string path, const GuestOptions& options)
    : path_(std::move(path)), options_(options) {
    const std::size_t rings = 2 * options.pairs;
    memory_bytes_ =
        rings * ring_bytes + options.pairs * (send_bytes + options.ring_size * options.buffer_bytes);
    memory_bytes_ = (memory_bytes_ + 4095) / 4096 * 4096;
    file_ = Fd{memfd_create("guest", MFD_CLOEXEC)};
    if (ftruncate(file_.get(), static_cast<off_t>(memory_bytes_)) != 0) std::abort();
    void* memory = mmap(nullptr, memory_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (memory == MAP_FAILED) std::abort();
    memory_ = static_cast<std::byte*>(memory);
    seen_.resize(rings);
    next_.resize(rings);
    free_.resize(options.pairs);
    for (std::size_t i = 0; i < rings; ++i) {
        kicks_.emplace_back(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        calls_.emplace_back(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    }
    if (options_.weft_is_server) return;
    unlink(path_.c_str());
    listener_ = Fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto address = address_of(path_);
    if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_.get(), 4) != 0)
        std::abort();
}

VhostGuest::~VhostGuest() {
    if (listener_) unlink(path_.c_str());
    munmap(memory_, memory_bytes_);
}

bool VhostGuest::accept(int milliseconds) {
    if (options_.weft_is_server) {
        peer_ = Fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        const auto address = address_of(path_);
        return ::connect(peer_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    if (!readable(listener_.get(), milliseconds)) return false;
    peer_ = Fd{accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    return static_cast<bool>(peer_);
}

bool VhostGuest::connect(int milliseconds) {
    return accept(milliseconds) && set_up(options_);
}

void VhostGuest::shrink_memory() {
    if (ftruncate(file_.get(), 0) != 0) std::abort();
}

void VhostGuest::disconnect() {
    peer_ = Fd{};
}

std::optional<std::uint64_t> VhostGuest::ask(std::uint32_t request, std::span<const std::byte> payload,
                                             std::span<const int> descriptors, bool reply) {
    Head head{request, version, static_cast<std::uint32_t>(payload.size())};
    const bool acknowledged = !reply && acknowledges_;
    if (acknowledged) head.flags |= need_reply;
    iovec iov[] = {{&head, sizeof head}, {const_cast<std::byte*>(payload.data()), payload.size()}};
    alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))]{};
    msghdr message{};
    message.msg_iov = iov;
    message.msg_iovlen = 2;
    if (!descriptors.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* fds = CMSG_FIRSTHDR(&message);
        fds->cmsg_level = SOL_SOCKET;
        fds->cmsg_type = SCM_RIGHTS;
        fds->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(fds), descriptors.data(), descriptors.size_bytes());
    }
    if (sendmsg(peer_.get(), &message, MSG_NOSIGNAL) < 0) return std::nullopt;
    if (!reply && !acknowledged) return 0;
    std::uint64_t value = 0;
    iovec answer[] = {{&head, sizeof head}, {&value, sizeof value}};
    if (!readable(peer_.get(), 3000) || readv(peer_.get(), answer, 2) != sizeof head + sizeof value)
        return std::nullopt;
    return value;
}

std::optional<std::uint64_t> VhostGuest::ask(std::uint32_t request, std::uint64_t value, bool reply) {
    return ask(request, bytes(value), {}, reply);
}

void VhostGuest::say(std::span<const std::byte> bytes) {
    static_cast<void>(::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

bool VhostGuest::abandoned(int milliseconds) {
    char byte;
    return readable(peer_.get(), milliseconds) && recv(peer_.get(), &byte, 1, MSG_DONTWAIT) <= 0;
}

bool VhostGuest::share_memory(std::size_t size) {
    const MemoryTable table{1, 0, physical, size, virtually, 0};
    const int fd = file_.get();
    return ask(set_mem_table, bytes(table), {&fd, 1}) == 0;
}

bool VhostGuest::set_ring(unsigned ring) {
    const RingState size{ring, options_.ring_size}, base{ring, 0};
    const std::uint64_t at = virtually + ring * ring_bytes;
    const auto offset = [&](const void* part) {
        return at + static_cast<std::uint64_t>(static_cast<const std::byte*>(part) - memory_) -
               ring * ring_bytes;
    };
    const RingAddress where{ring, 0, offset(descriptors(ring)), offset(used(ring)), offset(available(ring)),
                            0};
    const std::uint64_t number = ring;
    const int kick = kicks_[ring].get(), call = calls_[ring].get();
    std::memset(memory_ + ring * ring_bytes, 0, ring_bytes);
    seen_[ring] = next_[ring] = 0;
    return ask(set_vring_num, bytes(size)) && ask(set_vring_base, bytes(base)) &&
           ask(set_vring_addr, bytes(where)) && ask(set_vring_kick, bytes(number), {&kick, 1}) &&
           ask(set_vring_call, bytes(number), {&call, 1});
}

bool VhostGuest::set_up(const GuestOptions& options) {
    options_.features = options.features;
    acknowledges_ = false;
    const auto offered = ask(get_features, {}, {}, true);
    if (!offered) return false;
    offered_ = *offered;
    const auto protocols = ask(get_protocol_features, {}, {}, true);
    if (!protocols || !ask(set_protocol_features, *protocols & (protocol_mq | protocol_reply_ack)))
        return false;
    acknowledges_ = true;
    const auto pairs = ask(get_queue_num, {}, {}, true);
    if (!pairs || !ask(set_owner)) return false;
    pairs_offered_ = *pairs;
    if (!ask(set_features, options_.features & offered_) || !share_memory(memory_bytes_)) return false;
    for (unsigned ring = 0; ring < 2 * options_.pairs; ++ring)
        if (!set_ring(ring)) return false;
    for (unsigned pair = 0; pair < options_.pairs; ++pair)
        fill(pair);
    for (unsigned pair = 0; pair < options_.pairs; ++pair)
        enable(pair, true);
    return true;
}

void VhostGuest::enable(unsigned pair, bool on) {
    for (const unsigned ring : {2 * pair, 2 * pair + 1}) {
        const RingState state{ring, on};
        static_cast<void>(ask(set_vring_enable, bytes(state)));
    }
}

GuestDescriptor* VhostGuest::descriptors(unsigned ring) const noexcept {
    return reinterpret_cast<GuestDescriptor*>(memory_ + ring * ring_bytes);
}
std::uint16_t* VhostGuest::available(unsigned ring) const noexcept {
    return reinterpret_cast<std::uint16_t*>(memory_ + ring * ring_bytes + 32768);
}
std::uint16_t* VhostGuest::used(unsigned ring) const noexcept {
    return reinterpret_cast<std::uint16_t*>(memory_ + ring * ring_bytes + 40960);
}
std::size_t VhostGuest::buffers(unsigned ring) const noexcept {
    const std::size_t pair = ring / 2, span = send_bytes + options_.ring_size * options_.buffer_bytes;
    return 2 * options_.pairs * ring_bytes + pair * span + (ring % 2 ? 0 : send_bytes);
}

void VhostGuest::offer(unsigned ring, std::uint16_t head) {
    std::uint16_t* const all = available(ring);
    all[2 + all[1] % options_.ring_size] = head;
    __atomic_store_n(&all[1], static_cast<std::uint16_t>(all[1] + 1), __ATOMIC_RELEASE);
}

void VhostGuest::fill(unsigned pair) {
    const unsigned ring = 2 * pair;
    for (unsigned i = 0; i < options_.ring_size; ++i) {
        descriptors(ring)[i] = {address(buffers(ring) + i * options_.buffer_bytes), options_.buffer_bytes,
                                flag_write, 0};
        offer(ring, static_cast<std::uint16_t>(i));
    }
}

bool VhostGuest::send(std::span<const std::uint8_t> frame, VirtioNetHeader header, unsigned pair,
                      std::size_t piece, bool apart, bool indirect) {
    const unsigned ring = 2 * pair + 1;
    const std::uint64_t wide = feature::mrg_rxbuf | feature::version_1 | feature::packed;
    const std::size_t header_bytes = options_.features & wide ? 12 : 10;
    std::vector<std::size_t> cuts{0};
    if (apart) cuts.push_back(header_bytes);
    while (cuts.back() < header_bytes + frame.size())
        cuts.push_back(std::min(header_bytes + frame.size(), cuts.back() + piece));
    const std::size_t pieces = cuts.size() - 1, slots = indirect ? 1 : pieces;
    if (static_cast<std::uint16_t>(available(ring)[1] - load(used(ring) + 1)) + slots > options_.ring_size)
        return false;
    // Room goes round in the area; what was sent long ago is overwritten.
    const std::size_t table_bytes = pieces * sizeof(GuestDescriptor);
    const std::size_t room = (table_bytes + header_bytes + frame.size() + 63) / 64 * 64;
    if (free_[pair] + room > send_bytes) free_[pair] = 0;
    const std::size_t at = buffers(ring) + std::exchange(free_[pair], free_[pair] + room);
    const std::size_t data = at + table_bytes;
    std::memcpy(memory_ + data, &header, sizeof header);
    std::memset(memory_ + data + sizeof header, 0, header_bytes - sizeof header);
    std::copy(frame.begin(), frame.end(), reinterpret_cast<std::uint8_t*>(memory_ + data + header_bytes));
    auto* table = indirect ? reinterpret_cast<GuestDescriptor*>(memory_ + at) : descriptors(ring);
    const std::uint16_t head = next_[ring];
    const auto turn = [&](std::size_t i) {
        return static_cast<std::uint16_t>(indirect ? i : (head + i) % options_.ring_size);
    };
    for (std::size_t i = 0; i < pieces; ++i) {
        const bool last = i + 1 == pieces;
        table[turn(i)] = {address(data + cuts[i]), static_cast<std::uint32_t>(cuts[i + 1] - cuts[i]),
                          last ? std::uint16_t{0} : flag_next, last ? std::uint16_t{0} : turn(i + 1)};
    }
    if (indirect)
        descriptors(ring)[head] = {address(at), static_cast<std::uint32_t>(table_bytes), flag_indirect, 0};
    offer(ring, head);
    next_[ring] = static_cast<std::uint16_t>((head + slots) % options_.ring_size);
    return true;
}

unsigned VhostGuest::sent(unsigned pair) {
    return load(used(2 * pair + 1) + 1);
}

std::optional<GuestFrame> VhostGuest::receive(unsigned pair) {
    const unsigned ring = 2 * pair;
    const std::uint16_t given = load(used(ring) + 1);
    if (given == seen_[ring]) return std::nullopt;
    const std::uint64_t wide = feature::mrg_rxbuf | feature::version_1 | feature::packed;
    const std::size_t header_bytes = options_.features & wide ? 12 : 10;
    GuestFrame frame;
    for (std::uint16_t i = 0; i < frame.buffers; ++i) {
        if (given == seen_[ring]) return std::nullopt;  // fewer buffers than the header said
        std::uint32_t element[2];
        std::memcpy(element, used(ring) + 2 + 4 * (seen_[ring]++ % options_.ring_size), sizeof element);
        const auto* at = reinterpret_cast<const std::uint8_t*>(memory_) + buffers(ring) +
                         element[0] * options_.buffer_bytes;
        frame.bytes.insert(frame.bytes.end(), at, at + element[1]);
        if (i == 0 && header_bytes == 12) std::memcpy(&frame.buffers, at + 10, sizeof frame.buffers);
        offer(ring, static_cast<std::uint16_t>(element[0]));
    }
    std::memcpy(&frame.header, frame.bytes.data(), sizeof frame.header);
    frame.bytes.erase(frame.bytes.begin(), frame.bytes.begin() + static_cast<std::ptrdiff_t>(header_bytes));
    return frame;
}

}  // namespace weft::test
