// Kernel TAPs: the kernel's side of weft's interfaces.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "control/kernel/descriptor.hpp"
#include "control/kernel/device_lock.hpp"
#include "control/kernel/netlink.hpp"
#include "control/kernel/netns.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/result.hpp"

namespace weft {

/// Of a device whose far end is the program that opens /dev/net/tun with its name (`ip tuntap add`). The
/// flags are those of its making; a program sets its own, but for mode and multi_queue.
struct ProgramDevice {
    bool tun = false;  ///< without Ethernet header
    bool pi = false, one_queue = false, vnet_hdr = false;
    bool multi_queue = false;
    std::optional<std::uint32_t> user{}, group{};
    friend bool operator==(const ProgramDevice&, const ProgramDevice&) = default;
};

/// What a TAP follows of its interface.
struct TapSettings {
    std::uint32_t mtu = 1500;       ///< L3 bytes
    std::optional<MacAddress> mac;  ///< none: the kernel's random one
    bool carrier = false;
    bool up = false;             ///< administratively
    bool bridge_member = false;  ///< no IPv6 link-local address (addr_gen_mode none)
    bool noarp = false;          ///< a dummy: nobody answers
    /// Set: weft leaves the descriptor to a program, and the carrier is the program's.
    std::optional<ProgramDevice> program{};
};

/// The alias that marks a TAP as weft's: "weft:" and the path of the daemon's socket.
[[nodiscard]] std::string tap_alias(const std::string& socket);

/// A persistent TAP with virtio-net header (10 bytes; checksum, TSO4, TSO6), or a device for a program, which
/// the kernel's stack shares as set_host_ingress() says. It stays when this object ends, with its addresses
/// and routes; remove() takes it away. Move-only; control thread only, but for the descriptor. `netns` and
/// `netlink` (of that namespace) outlive it.
class KernelTap {
  public:
    /// Makes the TAP, or adopts the one of that name that a weftd on the same socket left; a device of that
    /// name without our alias is refused. Settings that are already right are not touched, so an adopted TAP
    /// keeps addresses and routes.
    static Result<KernelTap> open(const Netns& netns, Netlink& netlink, const std::string& name,
                                  const std::string& socket, const TapSettings& settings);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// The kernel's interface index.
    [[nodiscard]] int index() const noexcept { return index_; }
    /// Non-blocking; one frame with its virtio_net_hdr per read and write. Owned by the TAP: dup it for
    /// TapIo. -1 of a program's device.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
    [[nodiscard]] bool adopted() const noexcept { return adopted_; }
    /// As the kernel shows it now; nullopt if somebody deleted it.
    Result<std::optional<KernelLink>> state();

    Result<> set_mtu(std::uint32_t mtu);
    Result<> set_mac(const MacAddress& mac);
    Result<> set_carrier(bool carrier);
    Result<> set_up(bool up);
    Result<> set_bridge_member(bool member);
    /// Deletes the device and closes the descriptor. Gone already is fine. TapIo's duplicate must be closed
    /// first.
    Result<> remove();
    /// The same of many, in the time of one.
    static Result<> remove(std::vector<KernelTap> taps);

  private:
    KernelTap(const Netns& netns, Netlink& netlink, std::string name)
        : netns_(&netns), netlink_(&netlink), name_(std::move(name)) {}
    Result<KernelLink> present();
    Result<> set_sysctl(const std::string& family, const std::string& key, std::string_view value);
    Result<> apply_sysctls();
    Result<> apply(const TapSettings& settings);
    Result<> make_for_weft(const TapSettings& settings, const std::string& socket);
    Result<> make_for_program(const ProgramDevice& program, const std::string& socket, bool bridge_member);
    Result<> mark_and_keep(int file, const std::string& socket);
    /// Whether the device is this object's to remove.
    [[nodiscard]] bool owns() const noexcept { return descriptor_ || lock_; }

    const Netns* netns_;
    Netlink* netlink_;
    std::string name_;
    Descriptor descriptor_;  ///< none of a program's device
    DeviceLock lock_;        ///< of a program's device: tells a live weftd from a dead one
    std::string socket_;
    std::optional<ProgramDevice> program_;
    int index_ = 0;
    bool adopted_ = false;
    bool bridge_member_ = false;
};

/// Deletes the TAPs of this socket whose names are not in `keep`: all of them for `weftd --clean`, those not
/// claimed after a start with adoption. Refused at the first that a live process holds. Returns the names
/// deleted.
Result<std::set<std::string>> remove_leftover_taps(const Netns& netns, Netlink& netlink,
                                                   const std::string& socket,
                                                   const std::set<std::string>& keep = {});

/// The same in every other namespace with a name, for a daemon that died with another --netns: "br0 in blue".
/// What a live process holds, or cannot be reached, is left.
std::set<std::string> remove_leftover_taps_elsewhere(const Netns& here, const std::string& socket);

}  // namespace weft
