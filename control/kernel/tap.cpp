#include "control/kernel/tap.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

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
    tap.adopted_ = old.has_value();
    auto descriptor = attach_tap(netns, name, tap.adopted_);
    if (!descriptor) return std::move(descriptor).error();
    tap.descriptor_ = std::move(*descriptor);
    const int file = tap.descriptor_.get();
    if (auto set = tap.set_carrier(settings.carrier); !set) return std::move(set).error();
    int header = virtio_header_size;
    if (ioctl(file, TUNSETVNETHDRSZ, &header) != 0) return tap_error(name, "TUNSETVNETHDRSZ");
    if (ioctl(file, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0)
        return tap_error(name, "TUNSETOFFLOAD");

    auto made = netlink.link(name);
    if (!made) return std::move(made).error();
    if (!*made) return refuse(fmt::format("TAP {} vanished while it was made", name));
    tap.index_ = (*made)->index;
    if (!tap.adopted_) {
        // The mark comes before persistence: a crash between the two leaves nothing.
        if (auto marked = netlink.set_alias(tap.index_, tap_alias(socket)); !marked)
            return std::move(marked).error();
        if (ioctl(file, TUNSETPERSIST, 1) != 0) return tap_error(name, "TUNSETPERSIST");
    }
    if (auto applied = tap.apply(settings); !applied) {
        if (!tap.adopted_) (void)tap.remove();
        return std::move(applied).error();
    }
    return tap;
}

Result<> KernelTap::apply(const TapSettings& settings) {
    bridge_member_ = settings.bridge_member;
    if (auto done = apply_sysctls(); !done) return done;
    if (auto done = set_mtu(settings.mtu); !done) return done;
    if (settings.mac)
        if (auto done = set_mac(*settings.mac); !done) return done;
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
    auto link = present();
    if (!link) return std::move(link).error();
    if (link->mac == mac) return {};
    return netlink_->set_mac(index_, mac);
}

Result<> KernelTap::set_carrier(bool carrier) {
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
    return apply_sysctls();
}

Result<> KernelTap::remove() {
    if (!descriptor_) return {};
    // Deleting, instead of taking the persistence away: it also works while a duplicate is still open.
    auto link = state();
    descriptor_.reset();
    if (!link) return std::move(link).error();
    if (!*link) return {};
    return netlink_->delete_link(index_);
}

Result<> KernelTap::remove(std::vector<KernelTap> taps) {
    std::vector<int> indexes;
    for (const auto& tap : taps)
        if (tap.descriptor_) indexes.push_back(tap.index_);
    return taps.empty() ? Result<>{} : taps.front().netlink_->delete_links(indexes);
}

Result<std::set<std::string>> remove_leftover_taps(const Netns& netns, Netlink& netlink,
                                                   const std::string& socket,
                                                   const std::set<std::string>& keep) {
    auto left = netlink.links(tap_alias(socket));
    if (!left) return std::move(left).error();
    std::set<std::string> removed;
    std::vector<Descriptor> all_held;
    std::vector<int> indexes;
    for (const auto& link : *left) {
        if (link.alias != tap_alias(socket) || link.kind != "tun" || keep.contains(link.name)) continue;
        // Attaching fails while another process has it open; holding it keeps others off until it is deleted.
        auto held = attach_tap(netns, link.name, true);
        if (!held) return std::move(held).error();
        all_held.push_back(std::move(*held));
        indexes.push_back(link.index);
        removed.insert(link.name);
    }
    if (auto done = netlink.delete_links(indexes); !done) return std::move(done).error();
    return removed;
}

}  // namespace weft
