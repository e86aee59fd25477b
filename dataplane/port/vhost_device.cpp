// A guest's rings, from what the library knows of them to what workers may use.
#include <fcntl.h>
#include <rte_vhost.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "dataplane/port/vhost.hpp"

namespace weft::ports {

namespace {

constexpr unsigned request_reset_owner = 4, request_set_mem_table = 5;  // of vhost-user

/// Only an eventfd: a write to anything else might block the worker that calls the guest.
int call_descriptor(int fd) {
    if (fd < 0) return -1;
    char link[32], target[32] = {};
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    constexpr char eventfd[] = "anon_inode:[eventfd]";
    if (readlink(link, target, sizeof target - 1) < 0 || std::strcmp(target, eventfd) != 0) return -1;
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return -1;
    return fd;
}

}  // namespace

Vhost::Direction* Vhost::direction(unsigned ring) noexcept {
    // Even rings are what the guest receives (virtio 1.1 5.1.2).
    auto& all = ring % 2 == 0 ? senders_ : receivers_;
    return ring / 2 < all.size() ? all[ring / 2].get() : nullptr;
}

bool Vhost::connected(int device) {
    const std::lock_guard guard{lock_};
    if (device_ != nobody) return false;
    device_ = device;
    started_ = in_message_ = false;
    forget_memory();
    ++connections_;
    for (auto* all : {&receivers_, &senders_})
        for (auto& d : *all)
            d->ready = false;
    return true;
}

void Vhost::disconnected(int device) {
    const std::lock_guard guard{lock_};
    if (device != device_) return;
    close_gates();
    forget_memory();
    device_ = nobody;
    started_ = false;
    tell();
}

void Vhost::started(int device) {
    const std::lock_guard guard{lock_};
    if (device != device_) return;
    started_ = true;
    settle();
}

void Vhost::stopped(int device) {
    const std::lock_guard guard{lock_};
    if (device != device_) return;
    close_gates();
    started_ = false;
    tell();
}

void Vhost::ring_is_ready(int device, unsigned ring, bool ready) {
    const std::lock_guard guard{lock_};
    if (device != device_) return;
    if (Direction* d = direction(ring)) d->ready = ready;
    settle();
}

void Vhost::before_message(int device, unsigned request) {
    const std::lock_guard guard{lock_};
    if (device != device_) return;
    close_gates();
    in_message_ = true;
    // The library unmaps what it had, and keeps nothing if what comes is refused.
    if (request == request_set_mem_table || request == request_reset_owner) forget_memory();
}

bool Vhost::after_message(int device, unsigned request) {
    const std::lock_guard guard{lock_};
    if (device != device_) return true;
    in_message_ = false;
    if (request == request_set_mem_table && !map_memory()) return false;
    settle();
    return true;
}

Result<> Vhost::set_up(bool up) {
    const std::lock_guard guard{lock_};
    up_ = up;
    settle();
    return {};
}

/// The rings' indexes become the library's, which tells them to the front end (GET_VRING_BASE).
void Vhost::close_gates() noexcept {
    for (auto* all : {&receivers_, &senders_})
        for (std::size_t i = 0; i < all->size(); ++i) {
            Direction& d = *(*all)[i];
            if (!d.whole) continue;
            d.gate.close();
            d.whole = false;
            const auto number = static_cast<std::uint16_t>(2 * i + (all == &receivers_ ? 1 : 0));
            rte_vhost_set_vring_base(device_, number, d.ring.next(), d.ring.next());
        }
}

void Vhost::settle() noexcept {
    close_gates();
    if (in_message_) return;
    if (started_) rte_vhost_get_negotiated_features(device_, &guest_.bits);
    for (auto* all : {&receivers_, &senders_})
        for (std::size_t i = 0; started_ && up_ && i < all->size(); ++i) {
            Direction& d = *(*all)[i];
            const auto number = static_cast<unsigned>(2 * i + (all == &receivers_ ? 1 : 0));
            d.whole = d.ready && attach(number, d);
            if (d.whole) d.gate.open();
        }
    tell();
}

void Vhost::tell() noexcept {
    const auto whole = [](const auto& d) { return d->whole; };
    const auto rest = std::find_if_not(senders_.begin(), senders_.end(), whole);
    told_.tx_queues = static_cast<std::uint16_t>(std::max<std::ptrdiff_t>(rest - senders_.begin(), 1));
    told_.offloads = guest_.offloads();
    told_.link_up = rest != senders_.begin() || std::any_of(receivers_.begin(), receivers_.end(), whole);
}

void Vhost::forget_memory() noexcept {
    guard_ = SurvivesFaults{};
    memory_.count = 0;
}

bool Vhost::map_memory() noexcept {
    forget_memory();
    rte_vhost_memory* table = nullptr;
    if (rte_vhost_get_mem_table(device_, &table) != 0) return false;
    const std::unique_ptr<rte_vhost_memory, decltype(&std::free)> owner{table, std::free};
    for (std::uint32_t i = 0; i < std::min<std::uint32_t>(table->nregions, GuestMemory::max_regions); ++i) {
        const auto& region = table->regions[i];
        // A file that ends before is a bus error to whoever reads there.
        struct stat file {};
        const auto start = region.host_user_addr - reinterpret_cast<std::uint64_t>(region.mmap_addr);
        if (fstat(region.fd, &file) != 0 || static_cast<std::uint64_t>(file.st_size) < start + region.size) {
            forget_memory();
            return false;
        }
        memory_.regions[memory_.count++] = {region.guest_phys_addr, region.size,
                                            reinterpret_cast<std::byte*>(region.host_user_addr)};
    }
    guard_ = SurvivesFaults{memory_};
    return true;
}

bool Vhost::attach(unsigned number, Direction& d) noexcept {
    rte_vhost_vring ring{};
    std::uint16_t next = 0, used = 0;
    const auto index = static_cast<std::uint16_t>(number);
    if (rte_vhost_get_vhost_vring(device_, index, &ring) != 0 ||
        rte_vhost_get_vring_base(device_, index, &next, &used) != 0)
        return false;
    return d.ring.attach({.descriptors = ring.desc,
                          .driver = ring.avail,
                          .device = ring.used,
                          .size = ring.size,
                          .next = next,
                          .call = call_descriptor(ring.callfd),
                          .packed = guest_.has(GuestFeatures::ring_packed),
                          .event_index = guest_.has(GuestFeatures::event_idx),
                          .driver_fills = number % 2 != 0});
}

}  // namespace weft::ports
