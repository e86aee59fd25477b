// What the control connection of FTP says of a data connection (net/netfilter/nf_conntrack_ftp.c; RFC 959,
// 1123, 2428).
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/flow/helper.hpp"

namespace weft {

enum class FtpCommand : std::uint8_t { port, eprt, pasv, epsv };

struct FtpFound {
    enum Kind : std::uint8_t {
        nothing,
        partial,  ///< begins as a command that names an address, and does not say it
        whole
    } kind = nothing;
    FtpCommand command{};
    IpAddress address;  ///< of EPSV's answer: as it was given
    std::uint16_t port = 0;
    std::uint32_t offset = 0, length = 0;  ///< bytes of the payload that tell them
};

/// Of a segment's payload that begins a line; direction 0 is the client's. `sender` is its address.
[[nodiscard]] FtpFound find_ftp(unsigned direction, std::string_view payload, bool v6,
                                const IpAddress& sender) noexcept;

/// The same words with another address and port (nf_nat_ftp_fmt_cmd). Returns the length; `to` has room for
/// ftp_words_most.
inline constexpr std::size_t ftp_words_most = 64;
[[nodiscard]] std::uint32_t write_ftp(char* to, FtpCommand, bool v6, const IpAddress&,
                                      std::uint16_t port) noexcept;

}  // namespace weft
