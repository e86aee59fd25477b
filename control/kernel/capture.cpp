#include "control/kernel/capture.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "control/kernel/capture_state.hpp"
#include "control/kernel/ingress_drop.hpp"
#include "control/kernel/sysctl.hpp"

namespace weft {
namespace {

std::string disable_ipv6_path(const std::string& device) {
    return fmt::format("net/ipv6/conf/{}/disable_ipv6", device);
}

/// Why the device must not be taken, or success.
Result<> may_take(Netlink& netlink, const KernelLink& link) {
    if (link.flags & IFF_LOOPBACK) return refuse(fmt::format("{} is the loopback device", link.name));
    if (link.alias.starts_with("weft:"))
        return refuse(fmt::format("{} is a TAP of weft and cannot be the device of a port", link.name));
    if (link.master != 0) {
        auto master = netlink.link(link.master);
        if (!master) return std::move(master).error();
        return refuse(fmt::format("{} is a member of {}: take it out first (ip link set {} nomaster)",
                                  link.name, *master ? (*master)->name : std::to_string(link.master),
                                  link.name));
    }
    auto addresses = netlink.addresses(link.index);
    if (!addresses) return std::move(addresses).error();
    const auto held = std::find_if(addresses->begin(), addresses->end(),
                                   [](const KernelAddress& address) { return !address.link_local(); });
    if (held != addresses->end())
        return refuse(fmt::format("{} has {}: move it to the port first", link.name, held->address));
    return {};
}

Result<> seize(const Netns& netns, Netlink& netlink, const std::string& socket, const CaptureRecord& before) {
    // The drop comes first: no frame may pass while the rest is set up.
    if (auto done = add_ingress_drop(netns, socket, before.device, before.index); !done) return done;
    if (before.disable_ipv6 != "-")
        if (auto done = write_sysctl(netns, disable_ipv6_path(before.device), "1"); !done) return done;
    if (auto done = netlink.set_flags(before.index, IFF_NOARP, IFF_NOARP); !done) return done;
    return netlink.set_up(before.index, true);
}

/// Puts MTU and MAC back that weft changed. Every step is tried; the first error is returned.
Result<> put_back(Netlink& netlink, const KernelLink& link, const CaptureRecord& before) {
    Result<> outcome;
    if (before.mtu && before.mtu != link.mtu) outcome = netlink.set_mtu(link.index, before.mtu);
    if (!before.mac.is_zero() && before.mac != link.mac) {
        auto done = netlink.set_mac(link.index, before.mac);
        if (!done && outcome) outcome = std::move(done);
    }
    return outcome;
}

/// Every step is tried; the first error is returned.
Result<> give_back(const Netns& netns, Netlink& netlink, const std::string& socket,
                   const CaptureRecord& before, bool by_name) {
    Result<> outcome;
    const auto step = [&](Result<> done) {
        if (!done && outcome) outcome = std::move(done);
    };
    auto link = netlink.link(before.index);
    if (!link)
        step(std::move(link).error());
    else if (*link && (!by_name || (*link)->name == before.device)) {
        if (!before.up) step(netlink.set_up(before.index, false));
        step(put_back(netlink, **link, before));
        if (!before.noarp) step(netlink.set_flags(before.index, IFF_NOARP, 0));
        if (!before.promiscuous) step(netlink.set_flags(before.index, IFF_PROMISC, 0));
        if (before.disable_ipv6 != "-")
            step(write_sysctl(netns, disable_ipv6_path((*link)->name), before.disable_ipv6));
    }
    step(remove_ingress_drop(netns, socket, before.index));
    return outcome;
}

/// Takes the record out of the file, and the table with the last one.
Result<> forget(const Netns& netns, const std::string& socket, int index) {
    const auto path = capture_state_path(socket);
    auto records = read_captures(path);
    if (!records) return std::move(records).error();
    std::erase_if(*records, [&](const CaptureRecord& r) { return r.index == index; });
    if (records->empty())
        if (auto done = remove_ingress_table(netns, socket); !done) return done;
    return write_captures(path, *records);
}

}  // namespace

std::string capture_state_path(const std::string& socket) {
    return socket + ".state";
}

Result<DeviceCapture> DeviceCapture::take(const Netns& netns, Netlink& netlink, const std::string& device,
                                          const std::string& socket, bool adopt) {
    auto found = netlink.link(device);
    if (!found) return std::move(found).error();
    if (!*found)
        return refuse(fmt::format("there is no device {} in the namespace weftd was started in", device));
    const auto& link = **found;
    if (auto may = may_take(netlink, link); !may) return std::move(may).error();

    const auto path = capture_state_path(socket);
    auto records = read_captures(path);
    if (!records) return std::move(records).error();
    const auto old = std::find_if(records->begin(), records->end(),
                                  [&](const CaptureRecord& r) { return r.index == link.index; });
    CaptureRecord before{.device = device,
                         .index = link.index,
                         .netns = static_cast<unsigned long>(netns.inode()),
                         .up = link.up(),
                         .noarp = (link.flags & IFF_NOARP) != 0,
                         .disable_ipv6 = "-",
                         .promiscuous = (link.flags & IFF_PROMISC) != 0};
    if (old == records->end()) {
        if (auto value = read_sysctl(netns, disable_ipv6_path(device))) before.disable_ipv6 = *value;
        records->push_back(before);
    } else if (adopt && old->netns == before.netns && old->device == device) {
        if (auto done = put_back(netlink, link, *old); !done) return std::move(done).error();
        old->mtu = 0;
        old->mac = {};
        before = *old;
    } else {
        return refuse(fmt::format("{} is the device of a port already", device));
    }
    auto lock = DeviceLock::take(netns, device, link.index, adopt);
    if (!lock) return std::move(lock).error();
    if (auto done = write_captures(path, *records); !done) return std::move(done).error();

    DeviceCapture capture{netns, netlink, socket, link.index, std::move(*lock)};
    if (auto done = seize(netns, netlink, socket, before); !done) {
        (void)capture.release();
        return refuse(fmt::format("{} cannot be taken from the kernel: {}", device, done.error().message));
    }
    return capture;
}

DeviceCapture::DeviceCapture(DeviceCapture&& other) noexcept
    : netns_(other.netns_),
      netlink_(other.netlink_),
      socket_(std::move(other.socket_)),
      index_(std::exchange(other.index_, 0)),
      lock_(std::move(other.lock_)) {}

DeviceCapture& DeviceCapture::operator=(DeviceCapture&& other) noexcept {
    std::swap(netns_, other.netns_);
    std::swap(netlink_, other.netlink_);
    std::swap(socket_, other.socket_);
    std::swap(index_, other.index_);
    std::swap(lock_, other.lock_);
    return *this;
}

DeviceCapture::~DeviceCapture() {
    (void)release();
}

Result<> DeviceCapture::remember_mtu() {
    return remember([](CaptureRecord& record, const KernelLink& link) {
        if (!record.mtu) record.mtu = link.mtu;
    });
}

Result<> DeviceCapture::remember_mac() {
    return remember([](CaptureRecord& record, const KernelLink& link) {
        if (record.mac.is_zero()) record.mac = link.mac;
    });
}

Result<> DeviceCapture::remember(void (*note)(CaptureRecord&, const KernelLink&)) {
    const auto path = capture_state_path(socket_);
    auto records = read_captures(path);
    if (!records) return std::move(records).error();
    auto link = netlink_->link(index_);
    if (!link) return std::move(link).error();
    if (!*link) return {};  // gone: nothing will be put back
    const auto before = *records;
    for (auto& record : *records)
        if (record.index == index_) note(record, **link);
    return *records == before ? Result<>{} : write_captures(path, *records);
}

Result<> DeviceCapture::release() {
    const int index = std::exchange(index_, 0);
    if (index == 0) return {};
    const DeviceLock until_given_back = std::move(lock_);
    auto records = read_captures(capture_state_path(socket_));
    if (!records) return std::move(records).error();
    Result<> outcome;
    for (const auto& record : *records)
        if (record.index == index) outcome = give_back(*netns_, *netlink_, socket_, record, false);
    auto forgotten = forget(*netns_, socket_, index);
    return outcome ? std::move(forgotten) : std::move(outcome);
}

Result<std::vector<std::string>> undo_leftover_captures(const Netns& netns, Netlink& netlink,
                                                        const std::string& socket,
                                                        const std::set<int>& keep) {
    const auto path = capture_state_path(socket);
    auto records = read_captures(path);
    if (!records) return std::move(records).error();
    std::vector<std::string> given_back;
    std::vector<CaptureRecord> kept;
    bool some_kept_here = false;
    for (const auto& record : *records) {
        const bool here = record.netns == netns.inode();
        // A device of another namespace cannot be given back from here; a later start there can.
        if (!here || keep.contains(record.index)) {
            kept.push_back(record);
            some_kept_here |= here;
            continue;
        }
        const auto lock = DeviceLock::take(netns, record.device, record.index, true);
        if (!lock) {
            kept.push_back(record);
            some_kept_here = true;
            continue;
        }
        if (auto done = give_back(netns, netlink, socket, record, true); !done)
            return std::move(done).error();
        given_back.push_back(record.device);
    }
    if (records->empty() || kept.size() == records->size()) return given_back;
    if (!some_kept_here)
        if (auto done = remove_ingress_table(netns, socket); !done) return std::move(done).error();
    if (auto done = write_captures(path, kept); !done) return std::move(done).error();
    return given_back;
}

Result<> check_captures_are_left(const Netns& netns, const std::string& socket) {
    auto records = read_captures(capture_state_path(socket));
    if (!records) return std::move(records).error();
    for (const auto& record : *records)
        if (record.netns == netns.inode())
            if (auto lock = DeviceLock::take(netns, record.device, record.index, true); !lock)
                return refuse(fmt::format("socket {}: its weftd lives though the file was removed: {}",
                                          socket, lock.error().message));
    return {};
}

}  // namespace weft
