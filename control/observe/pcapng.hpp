// pcapng, what tcpdump and Wireshark read: blocks of a section with several interfaces.
// Source: draft-ietf-opsawg-pcapng, sections 4.1 (section header), 4.2 (interface description), 4.3 (enhanced
// packet).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weft::pcapng {

/// The block that begins a section, in the byte order of this machine.
[[nodiscard]] std::string section_header();

/// Describes the next interface; they are numbered from 0 in the order in which they are described.
/// Ethernet, times in nanoseconds. `snap` is in bytes.
[[nodiscard]] std::string interface_description(std::string_view name, std::uint32_t snap);

struct Frame {
    std::uint32_t interface = 0;       ///< number of its description
    std::uint64_t nanoseconds = 0;     ///< since 1970
    std::uint32_t length = 0;          ///< of the frame, bytes without FCS
    std::span<const std::byte> bytes;  ///< what was kept of it
    std::optional<bool> inbound{};     ///< received, or sent
    std::string_view comment{};        ///< cut after 65,535 bytes
};
[[nodiscard]] std::string enhanced_packet(const Frame& frame);

}  // namespace weft::pcapng
