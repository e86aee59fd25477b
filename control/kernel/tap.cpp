#include "control/kernel/tap.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/kernel/ingress_drop.hpp"
#include "control/kernel/sysctl.hpp"

namespace weft {
namespace {

constexpr int virtio_header_size = 10;
constexpr unsigned ipv6_minimum_mtu = 1280;
/// in6_addr_gen_mode, include/uapi/linux/if_link.h.
constexpr std::string_view generate_eui64 = "0", generate_none = "1";

Error tap_error(const std::string& name, std::string_view what) {
    return refuse(fmt::format("TAP {}: {}: {}", name, what, std::strerror(errno)));
}

/// An attached descriptor of the TAP `name` in the namespace; made if `exists` is false.
Result<Descriptor> attach_tap(const Netns& netns, const std::string& name, bool exists) {
    return run_in(netns, [&]() -> Result<Descriptor> {
        Descriptor descriptor{open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
        if (!descriptor) return tap_error(name, "/dev/net/tun");
        ifreq request{};
        name.copy(request.ifr_name, IFNAMSIZ - 1);
        const int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (exists ? 0 : IFF_TUN_EXCL);
        request.ifr_flags = static_cast<short>(flags);
        if (ioctl(descriptor.get(), TUNSETIFF, &request) != 0) {
            if (errno == EBUSY && exists)
                return refuse(fmt::format("TAP {}: a running process holds it: end that first", name));
            if (errno == EBUSY || errno == EEXIST)
                return refuse(
                    fmt::format("{} exists in the kernel and is not weft's: delete or rename it there, or "
                                "take another name",
                                name));
            if (errno == EINVAL && exists)
                return refuse(fmt::format("{} carries weft's alias but is not a TAP: delete it", name));
            return tap_error(name, "cannot be made");
        }
        return descriptor;
    });
}

/// A descriptor of a new device for a program, not yet persistent.
Result<Descriptor> make_program_device(const Netns& netns, const std::string& name,
                                       const ProgramDevice& program) {
    return run_in(netns, [&]() -> Result<Descriptor> {
        Descriptor descriptor{open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
        if (!descriptor) return tap_error(name, "/dev/net/tun");
        ifreq request{};
        name.copy(request.ifr_name, IFNAMSIZ - 1);
        request.ifr_flags = static_cast<short>(
            (program.tun ? IFF_TUN : IFF_TAP) | (program.pi ? 0 : IFF_NO_PI) |
            (program.one_queue ? IFF_ONE_QUEUE : 0) | (program.vnet_hdr ? IFF_VNET_HDR : 0) |
            (program.multi_queue ? IFF_MULTI_QUEUE : 0) | IFF_TUN_EXCL);
        if (ioctl(descriptor.get(), TUNSETIFF, &request) != 0) return tap_error(name, "cannot be made");
        if (program.user && ioctl(descriptor.get(), TUNSETOWNER, *program.user) != 0)
            return tap_error(name, "TUNSETOWNER");
        if (program.group && ioctl(descriptor.get(), TUNSETGROUP, *program.group) != 0)
            return tap_error(name, "TUNSETGROUP");
        return descriptor;
    });
}

/// Whether a device that an earlier weftd left is what is wanted now; one of the other nature is deleted.
Result<bool> fits_to_adopt(const Netns& netns, Netlink& netlink, const KernelLink& old,
                           const std::string& socket, const TapSettings& settings) {
    auto programs = host_ingress_devices(netns, socket);
    if (!programs) return std::move(programs).error();
    const bool was_program = programs->contains(old.index);
    const auto& wanted = settings.program;
    if (was_program == wanted.has_value() &&
        (!wanted || old.tun == KernelTun{wanted->tun, wanted->multi_queue, wanted->user, wanted->group}))
        return true;
    if (was_program) {
        // Also while a program has it open.
        if (auto lock = DeviceLock::take(netns, old.name, old.index, true); !lock)
            return std::move(lock).error();
        if (auto done = remove_host_ingress(netns, socket, old.index); !done) return std::move(done).error();
    } else if (auto held = attach_tap(netns, old.name, true); !held) {
        return std::move(held).error();
    }
    if (auto done = netlink.delete_link(old.index); !done) return std::move(done).error();
    return false;
}

}  // namespace

std::string tap_alias(const std::string& socket) {
    return "weft:" + socket;
}

Result<KernelTap> KernelTap::open(const Netns& netns, Netlink& netlink, const std::string& name,
                                  const std::string& socket, const TapSettings& settings) {
    if (name.empty() || name.size() >= IFNAMSIZ)
        return refuse(fmt::format("\"{}\": an interface name has 1 to {} characters", name, IFNAMSIZ - 1));
    auto present = netlink.link(name);
    if (!present) return std::move(present).error();
    const auto& old = *present;
    if (old && old->alias != tap_alias(socket)) {
        if (old->alias.starts_with("weft:"))
            return refuse(fmt::format("{} belongs to the weftd on {}: take another name, or delete it there",
                                      name, old->alias.substr(5)));
        return refuse(fmt::format(
            "{} exists in the kernel and is not weft's: delete or rename it there, or take another name",
            name));
    }

    KernelTap tap{netns, netlink, name};
    tap.socket_ = socket;
    tap.adopted_ = old.has_value();
    if (old) {
        auto fits = fits_to_adopt(netns, netlink, *old, socket, settings);
        if (!fits) return std::move(fits).error();
        tap.adopted_ = *fits;
    }
    const auto made = settings.program
                          ? tap.make_for_program(*settings.program, socket, settings.bridge_member)
                          : tap.make_for_weft(settings, socket);
    if (!made) return made.error();
    if (auto applied = tap.apply(settings); !applied) {
        if (!tap.adopted_) (void)tap.remove();
        return std::move(applied).error();
    }
    return tap;
}

Result<> KernelTap::make_for_weft(const TapSettings& settings, const std::string& socket) {
    auto descriptor = attach_tap(*netns_, name_, adopted_);
    if (!descriptor) return std::move(descriptor).error();
    descriptor_ = std::move(*descriptor);
    const int file = descriptor_.get();
    if (auto set = set_carrier(settings.carrier); !set) return set;
    int header = virtio_header_size;
    if (ioctl(file, TUNSETVNETHDRSZ, &header) != 0) return tap_error(name_, "TUNSETVNETHDRSZ");
    if (ioctl(file, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0)
        return tap_error(name_, "TUNSETOFFLOAD");
    return mark_and_keep(file, socket);
}

Result<> KernelTap::make_for_program(const ProgramDevice& program, const std::string& socket,
                                     bool bridge_member) {
    Descriptor descriptor;  // closed at the end: the program is to have it
    if (!adopted_) {
        auto made = make_program_device(*netns_, name_, program);
        if (!made) return std::move(made).error();
        descriptor = std::move(*made);
    }
    auto link = netlink_->link(name_);
    if (!link) return std::move(link).error();
    if (!*link) return refuse(fmt::format("TAP {} vanished while it was made", name_));
    auto lock = DeviceLock::take(*netns_, name_, (*link)->index, adopted_);
    if (!lock) return std::move(lock).error();
    // Before it lasts: a crash between the steps leaves a table without device, which the next start removes.
    if (auto done = set_host_ingress(*netns_, socket, name_, (*link)->index, bridge_member); !done)
        return done;
    if (auto done = mark_and_keep(descriptor.get(), socket); !done) {
        (void)remove_host_ingress(*netns_, socket, (*link)->index);
        return done;
    }
    lock_ = std::move(*lock);
    program_ = program;
    return {};
}

Result<> KernelTap::mark_and_keep(int file, const std::string& socket) {
    auto made = netlink_->link(name_);
    if (!made) return std::move(made).error();
    if (!*made) return refuse(fmt::format("TAP {} vanished while it was made", name_));
    index_ = (*made)->index;
    if (adopted_) return {};
    // The mark comes before persistence: a crash between the two leaves nothing.
    if (auto marked = netlink_->set_alias(index_, tap_alias(socket)); !marked) return marked;
    if (ioctl(file, TUNSETPERSIST, 1) != 0) return tap_error(name_, "TUNSETPERSIST");
    return {};
}

Result<> KernelTap::apply(const TapSettings& settings) {
    bridge_member_ = settings.bridge_member;
    if (auto done = apply_sysctls(); !done) return done;
    if (auto done = set_mtu(settings.mtu); !done) return done;
    if (settings.mac)
        if (auto done = set_mac(*settings.mac); !done) return done;
    if (settings.noarp)
        if (auto done = netlink_->set_flags(index_, IFF_NOARP | IFF_MULTICAST, IFF_NOARP); !done) return done;
    return set_up(settings.up);
}

Result<> KernelTap::set_sysctl(const std::string& family, const std::string& key, std::string_view value) {
    const auto path = fmt::format("net/{}/conf/{}/{}", family, name_, key);
    const auto current = read_sysctl(*netns_, path);
    // Writing what is there already is not idle for forwarding, which starts discovery anew.
    if (current && *current == value) return {};
    return write_sysctl(*netns_, path, value);
}

Result<> KernelTap::apply_sysctls() {
    if (auto done = set_sysctl("ipv4", "rp_filter", "0"); !done) return done;
    // A kernel without IPv6, and a device with an MTU below 1280, have no such names.
    if (!read_sysctl(*netns_, fmt::format("net/ipv6/conf/{}/forwarding", name_))) return {};
    if (auto done = set_sysctl("ipv6", "addr_gen_mode", bridge_member_ ? generate_none : generate_eui64);
        !done)
        return done;
    if (auto done = set_sysctl("ipv6", "keep_addr_on_down", "1"); !done) return done;
    return set_sysctl("ipv6", "forwarding", "1");
}

Result<std::optional<KernelLink>> KernelTap::state() {
    return netlink_->link(index_);
}

Result<KernelLink> KernelTap::present() {
    auto link = state();
    if (!link) return std::move(link).error();
    if (!*link) return refuse(fmt::format("TAP {} was deleted in the kernel", name_));
    return std::move(**link);
}

Result<> KernelTap::set_mtu(std::uint32_t mtu) {
    auto link = present();
    if (!link) return std::move(link).error();
    if (link->mtu == mtu) return {};
    if (auto done = netlink_->set_mtu(index_, mtu); !done) return done;
    // Below 1280 the kernel forgets the device's IPv6 settings.
    if (link->mtu < ipv6_minimum_mtu && mtu >= ipv6_minimum_mtu) return apply_sysctls();
    return {};
}

Result<> KernelTap::set_mac(const MacAddress& mac) {
    if (program_ && program_->tun) return {};  // it has none
    auto link = present();
    if (!link) return std::move(link).error();
    if (link->mac == mac) return {};
    return netlink_->set_mac(index_, mac);
}

Result<> KernelTap::set_carrier(bool carrier) {
    if (program_) return {};
    unsigned value = carrier;
    if (ioctl(descriptor_.get(), TUNSETCARRIER, &value) != 0) return tap_error(name_, "TUNSETCARRIER");
    return {};
}

Result<> KernelTap::set_up(bool up) {
    auto link = present();
    if (!link) return std::move(link).error();
    if (link->up() == up) return {};
    return netlink_->set_up(index_, up);
}

Result<> KernelTap::set_bridge_member(bool member) {
    if (std::exchange(bridge_member_, member) == member) return {};
    if (program_)
        if (auto done = set_host_ingress(*netns_, socket_, name_, index_, member); !done) return done;
    return apply_sysctls();
}

Result<> KernelTap::remove() {
    if (!owns()) return {};
    // Deleting, instead of taking the persistence away: it also works while a duplicate, or a program, has it
    // open.
    auto link = state();
    descriptor_.reset();
    if (!link) return std::move(link).error();
    if (*link)
        if (auto done = netlink_->delete_link(index_); !done) return done;
    if (!program_) return {};
    auto done = remove_host_ingress(*netns_, socket_, index_);
    lock_.release();
    return done;
}

Result<> KernelTap::remove(std::vector<KernelTap> taps) {
    std::vector<int> indexes;
    for (const auto& tap : taps)
        if (tap.owns()) indexes.push_back(tap.index_);
    if (taps.empty()) return {};
    if (auto done = taps.front().netlink_->delete_links(indexes); !done) return done;
    for (const auto& tap : taps)
        if (tap.owns() && tap.program_)
            if (auto done = remove_host_ingress(*tap.netns_, tap.socket_, tap.index_); !done) return done;
    return {};
}

Result<std::set<std::string>> remove_leftover_taps(const Netns& netns, Netlink& netlink,
                                                   const std::string& socket,
                                                   const std::set<std::string>& keep) {
    auto left = netlink.links(tap_alias(socket));
    if (!left) return std::move(left).error();
    std::set<std::string> removed;
    auto programs = host_ingress_devices(netns, socket);
    if (!programs) return std::move(programs).error();
    std::vector<Descriptor> all_held;
    std::vector<DeviceLock> all_locks;
    std::set<int> kept;
    std::vector<int> indexes;
    for (const auto& link : *left) {
        if (link.alias != tap_alias(socket) || link.kind != "tun") continue;
        if (keep.contains(link.name)) {
            kept.insert(link.index);
            continue;
        }
        if (programs->contains(link.index)) {
            auto lock = DeviceLock::take(netns, link.name, link.index, true);
            if (!lock) return std::move(lock).error();
            all_locks.push_back(std::move(*lock));
        } else {
            // Attaching fails while another process has it open; holding it keeps others off until it is
            // deleted.
            auto held = attach_tap(netns, link.name, true);
            if (!held) return std::move(held).error();
            all_held.push_back(std::move(*held));
        }
        indexes.push_back(link.index);
        removed.insert(link.name);
    }
    if (auto done = netlink.delete_links(indexes); !done) return std::move(done).error();
    for (const int index : *programs)
        if (!kept.contains(index))
            if (auto done = remove_host_ingress(netns, socket, index); !done) return std::move(done).error();
    return removed;
}

std::set<std::string> remove_leftover_taps_elsewhere(const Netns& here, const std::string& socket) {
    std::set<std::string> removed;
    for (const Netns& other : Netns::all_named()) {
        if (other.inode() == here.inode()) continue;
        auto netlink = Netlink::open(other);
        if (!netlink) continue;
        const auto left = netlink->links(tap_alias(socket));
        if (!left || left->empty()) continue;
        const auto names = remove_leftover_taps(other, *netlink, socket);
        if (!names) continue;
        for (const auto& name : *names)
            removed.insert(other.name().empty() ? name : name + " in " + other.name());
    }
    return removed;
}

}  // namespace weft
