// The Internet checksum: RFC 1071 sums over bytes and mbuf chains, pseudo-headers, RFC 1624 updates.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "weft/net/byte_order.hpp"
#include "weft/net/ip.hpp"

namespace weft {

/// A one's complement sum in the making. Sums are kept in memory order (RFC 1071 section 2 (B): the byte
/// order of the machine does not matter), so no word is swapped. Good for 2^32 words before it could
/// overflow. A value; not thread safe.
class InternetSum {
  public:
    constexpr InternetSum() noexcept = default;
    /// Starts from a sum that lies in a packet, such as the pseudo-header sum of an unfinished checksum.
    constexpr explicit InternetSum(be16 sum) noexcept : sum_(sum.raw()) {}

    /// The next n bytes of one byte stream; pieces may have odd lengths.
    void add(const void* data, std::size_t n) noexcept {
        const std::uint64_t piece = sum_of(static_cast<const std::byte*>(data), n);
        sum_ += odd_ ? std::uint64_t{__builtin_bswap16(fold(piece))} : piece;
        odd_ ^= static_cast<bool>(n & 1);
    }
    /// Whole words, wherever the stream of bytes stands.
    constexpr void add(be16 word) noexcept { sum_ += word.raw(); }
    constexpr void add(be32 word) noexcept { sum_ += word.raw(); }
    /// Takes a word out again (RFC 1624: adds its complement).
    constexpr void subtract(be16 word) noexcept { sum_ += static_cast<std::uint16_t>(~word.raw()); }
    constexpr void subtract(be32 word) noexcept { sum_ += static_cast<std::uint32_t>(~word.raw()); }

    /// The sum as an unfinished checksum field holds it.
    [[nodiscard]] constexpr be16 sum() const noexcept { return be16::from_raw(fold(sum_)); }
    /// Its complement, as a finished field holds it.
    [[nodiscard]] constexpr be16 checksum() const noexcept {
        return be16::from_raw(static_cast<std::uint16_t>(~fold(sum_)));
    }

  private:
    static constexpr std::uint16_t fold(std::uint64_t sum) noexcept {
        sum = (sum & 0xffff'ffff) + (sum >> 32);
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
    }
    // 32-bit words into a 64-bit sum need no carry, and the compiler makes vectors of the loop.
    static std::uint64_t sum_of(const std::byte* p, std::size_t n) noexcept {
        std::uint64_t sum = 0;
        const std::byte* const words_end = p + n / 4 * 4;
        for (; p != words_end; p += 4) {
            std::uint32_t word;
            std::memcpy(&word, p, 4);
            sum += word;
        }
        std::uint16_t half = 0;
        if (n & 2) {
            std::memcpy(&half, p, 2);
            sum += half;
            p += 2;
        }
        if (n & 1) {
            half = 0;
            std::memcpy(&half, p, 1);
            sum += half;
        }
        return sum;
    }

    std::uint64_t sum_ = 0;
    bool odd_ = false;
};

/// Adds `length` bytes of a chain from `offset` on; stops at the end of the chain if that comes earlier.
inline void add_chain(InternetSum& sum, const rte_mbuf* m, std::uint32_t offset,
                      std::uint32_t length) noexcept {
    for (; m && length; m = m->next) {
        if (offset >= m->data_len) {
            offset -= m->data_len;
            continue;
        }
        const std::uint32_t n = std::min<std::uint32_t>(m->data_len - offset, length);
        sum.add(rte_pktmbuf_mtod_offset(m, const std::byte*, offset), n);
        offset = 0;
        length -= n;
    }
}

/// The pseudo-header of TCP and UDP over IPv4 (RFC 9293 3.1, RFC 768). length: of header and payload, bytes.
[[nodiscard]] inline InternetSum pseudo_header(const Ipv4Header& ip, std::uint8_t protocol,
                                               std::uint32_t length) noexcept {
    InternetSum sum;
    sum.add(ip.source);
    sum.add(ip.destination);
    sum.add(be16{protocol});
    sum.add(be32{length});
    return sum;
}

/// The pseudo-header over IPv6 (RFC 8200 8.1), with the destination of the fixed header.
[[nodiscard]] inline InternetSum pseudo_header(const Ipv6Header& ip, std::uint8_t protocol,
                                               std::uint32_t length) noexcept {
    InternetSum sum;
    sum.add(ip.source.data(), ip.source.size());
    sum.add(ip.destination.data(), ip.destination.size());
    sum.add(be16{protocol});
    sum.add(be32{length});
    return sum;
}

/// The checksum an IPv4 header should have; reads header_size() bytes and skips the field itself.
[[nodiscard]] inline be16 ipv4_checksum(const Ipv4Header& ip) noexcept {
    InternetSum sum;
    sum.add(&ip, ip.header_size());
    sum.subtract(ip.checksum);
    return sum.checksum();
}

/// A finished checksum after one word under it changed (RFC 1624, equation 3).
[[nodiscard]] constexpr be16 update_checksum(be16 checksum, be16 from, be16 to) noexcept {
    InternetSum sum{be16::from_raw(static_cast<std::uint16_t>(~checksum.raw()))};
    sum.subtract(from);
    sum.add(to);
    return sum.checksum();
}
[[nodiscard]] constexpr be16 update_checksum(be16 checksum, be32 from, be32 to) noexcept {
    InternetSum sum{be16::from_raw(static_cast<std::uint16_t>(~checksum.raw()))};
    sum.subtract(from);
    sum.add(to);
    return sum.checksum();
}

/// … after bytes under it changed whose sum grew by `change`: what is there now, added to the complement of
/// what was.
[[nodiscard]] constexpr be16 add_change(be16 checksum, be16 change) noexcept {
    InternetSum sum{be16::from_raw(static_cast<std::uint16_t>(~checksum.raw()))};
    sum.add(change);
    return sum.checksum();
}

/// Takes an address out of a sum and puts another in.
constexpr void replace_address(InternetSum& sum, be32 from, be32 to) noexcept {
    sum.subtract(from);
    sum.add(to);
}
inline void replace_address(InternetSum& sum, const std::array<std::uint8_t, 16>& from,
                            const std::array<std::uint8_t, 16>& to) noexcept {
    for (std::size_t at = 0; at < from.size(); at += sizeof(be32)) {
        be32 was, is;
        std::memcpy(&was, from.data() + at, sizeof was);
        std::memcpy(&is, to.data() + at, sizeof is);
        replace_address(sum, was, is);
    }
}

}  // namespace weft
