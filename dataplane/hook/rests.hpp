// What an outcome rests on besides the 5-tuple and the incoming interface: what every rule that was looked at
// has asked of the packet.
#pragma once

#include <cstdint>

#include "dataplane/hook/packet.hpp"

namespace weft::hook {

/// Fields that can be compared with one mask and one value, so that an outcome may be kept. 32 bytes, no
/// padding that is not zero. Marks are those with which the packet and the connection came to the hook.
struct alignas(32) Extract {
    std::uint64_t mac = 0;  ///< source, MacAddress::raw()
    std::uint32_t mark = 0, connection_mark = 0;
    IfIndex oif = no_interface, physical_in = no_interface, physical_out = no_interface;
    std::uint8_t packet_type = 0, tcp_flags = 0;
    std::uint8_t icmp_type = 0, icmp_code = 0;
    std::uint8_t state = 0;   ///< a bit of ConntrackState
    std::uint8_t status = 0;  ///< of the connection
    std::uint8_t bridged = 0;
    std::uint8_t later_fragment = 0;
    friend bool operator==(const Extract&, const Extract&) = default;
};
static_assert(sizeof(Extract) == 32);

/// Reasons not to keep an outcome, or for how long. An outcome without `never` bits may be kept; with `until`
/// bits until what they name changes.
struct Rest {
    enum : std::uint32_t {
        length = 1,
        ttl = 2,
        tcp_option = 4,
        expiry = 8,
        limit = 16,
        recent = 32,
        odd_header = 64,    ///< broken or short headers, later fragments
        set_counter = 128,  ///< a set counts or asks its counters
        log = 256,
        trace = 512,
        tcpmss = 1024,
        never = 2047,
        routes = 2048,  ///< addrtype: until routes change
        sets = 4096,    ///< until a set changes
        tos = 8192,     ///< a route that another TOS would not find; not kept
    };
};

struct Rests {
    std::uint32_t reasons = 0;  ///< of Rest
    Extract mask, value;        ///< (packet's extract & mask) == value

    [[nodiscard]] bool may_be_kept() const noexcept { return (reasons & Rest::never) == 0; }

    void on(std::uint32_t reason) noexcept { reasons |= reason; }
    void on_mac(const View& view) noexcept {
        mask.mac = 0xffff'ffff'ffff;
        value.mac = view.mac;
    }
    void on_oif(const View& view) noexcept {
        mask.oif = 0xffff;
        value.oif = view.oif;
    }
    void on_physical(const View& view) noexcept {
        mask.physical_in = mask.physical_out = 0xffff;
        mask.bridged = 1;
        value.physical_in = view.physical_in;
        value.physical_out = view.physical_out;
        value.bridged = view.bridged;
    }
    void on_packet_type(const View& view) noexcept {
        mask.packet_type = 0xff;
        value.packet_type = view.packet_type;
    }
    void on_tcp_flags(std::uint8_t flags, std::uint8_t bits) noexcept {
        mask.tcp_flags |= bits;
        value.tcp_flags = flags & mask.tcp_flags;
    }
    void on_icmp(std::uint8_t type, std::uint8_t code) noexcept {
        mask.icmp_type = mask.icmp_code = 0xff;
        value.icmp_type = type;
        value.icmp_code = code;
    }
    void on_later_fragment(const View& view) noexcept {
        mask.later_fragment = 1;
        value.later_fragment = view.fragment != 0;
    }
    /// Bits that rules have written no longer rest on the mark that came.
    void on_mark(const View& view, std::uint32_t bits) noexcept {
        mask.mark |= bits & ~view.written_mark;
        value.mark = view.arrived_mark & mask.mark;
    }
    void on_connection_mark(const View& view, std::uint32_t bits) noexcept {
        if (!view.connection || view.has_template()) return;
        mask.connection_mark |= bits & ~view.connection->written_mark;
        value.connection_mark = view.connection->arrived_mark & mask.connection_mark;
    }
    /// Of a packet that a rule made untracked, or tracked by a template, the state is that rule's doing.
    void on_state(const View& view) noexcept {
        if (view.has_template()) return;
        mask.state = 0xff;
        value.state = view.connection_state();
    }
    void on_status(const View& view, std::uint8_t bits) noexcept {
        if (!view.connection || view.has_template()) return;
        mask.status |= bits;
        value.status = view.connection->status & mask.status;
    }
};

}  // namespace weft::hook
