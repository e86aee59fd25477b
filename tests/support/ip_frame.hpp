// IP datagrams for tests, built fluently: Ip("10.0.1.2", "10.0.2.2").ttl(1).udp(1000, 53).payload(100). One
// form for both families; sums are made by single bytes and share no code with include/weft/net.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "tests/support/frame.hpp"

namespace weft::test {

/// Network order, 4 or 16 bytes.
inline Bytes address_bytes(const std::string& text) {
    std::array<std::uint8_t, 16> bytes{};
    if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return Bytes(bytes.begin(), bytes.begin() + 4);
    if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return Bytes(bytes.begin(), bytes.end());
    throw std::invalid_argument(text);
}

/// RFC 1071, one pair of bytes after the other; the complement.
inline unsigned rfc1071(const Bytes& bytes, unsigned sum = 0) {
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        sum += static_cast<unsigned>(bytes[i] << 8) | (i + 1 < bytes.size() ? bytes[i + 1] : 0u);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum ^ 0xffff;
}

class Ip {
  public:
    Ip(const std::string& from, const std::string& to) : Ip(address_bytes(from), address_bytes(to)) {}
    /// Addresses as they are in the packet, both of 4 or 16 bytes.
    Ip(Bytes from, Bytes to) : from_(std::move(from)), to_(std::move(to)) {}
    Ip& ttl(unsigned value) { return ttl_ = value, *this; }
    Ip& tos(unsigned value) { return tos_ = value, *this; }  ///< traffic class
    Ip& id(unsigned value) { return id_ = value, *this; }
    Ip& label(unsigned value) { return label_ = value, *this; }
    Ip& dont_fragment() { return fragment_ |= 0x4000, *this; }
    Ip& reserved() { return fragment_ |= 0x8000, *this; }
    /// Of IPv4; offset in bytes.
    Ip& fragment(std::size_t offset, bool more) {
        return fragment_ = static_cast<unsigned>(offset / 8) | (more ? 0x2000u : 0u), *this;
    }
    /// IPv4 options, padded to four bytes with zeros.
    Ip& options(Bytes bytes) {
        bytes.resize((bytes.size() + 3) / 4 * 4);
        return options_ = std::move(bytes), *this;
    }
    /// An IPv6 extension header of a type, as it is (its first byte, the next header, is filled in).
    Ip& extension(std::uint8_t type, Bytes bytes) {
        return extensions_.emplace_back(type, std::move(bytes)), *this;
    }
    Ip& protocol(std::uint8_t value) { return protocol_ = value, *this; }
    Ip& payload(std::size_t length) {
        body_.resize(length);
        for (std::size_t i = 0; i < length; ++i)
            body_[i] = static_cast<std::uint8_t>(i % 251);
        return *this;
    }
    Ip& payload(Bytes bytes) { return body_ = std::move(bytes), *this; }
    /// Before the payload; call it after. A sum of zero, as IPv4 allows and routers pass on.
    Ip& udp(unsigned source, unsigned destination) {
        Bytes header;
        for (const unsigned field : {source, destination, static_cast<unsigned>(body_.size() + 8), 0u})
            put16(header, field);
        body_.insert(body_.begin(), header.begin(), header.end());
        return protocol(17);
    }
    Ip& tcp(unsigned source, unsigned destination) {
        Bytes header;
        for (const unsigned field : {source, destination, 0u, 1u, 0u, 0u, 0x5010u, 0x2000u, 0u, 0u})
            put16(header, field);
        body_.insert(body_.begin(), header.begin(), header.end());
        return protocol(6);
    }
    /// With the checksum of TCP or UDP made right; call it last.
    Ip& summed() {
        const std::size_t at = protocol_ == 6 ? 16 : 6;
        body_[at] = body_[at + 1] = 0;
        const unsigned sum = rfc1071(body_, pseudo(body_.size(), protocol_));
        body_[at] = static_cast<std::uint8_t>(sum >> 8);
        body_[at + 1] = static_cast<std::uint8_t>(sum);
        return *this;
    }
    /// type, code and the four bytes after the checksum, which is made.
    Ip& icmp(unsigned type, unsigned code, std::uint32_t value = 0) {
        Bytes header{static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code), 0, 0};
        put16(header, value >> 16);
        put16(header, value & 0xffff);
        body_.insert(body_.begin(), header.begin(), header.end());
        protocol(v6() ? 58 : 1);
        const unsigned sum = rfc1071(body_, v6() ? pseudo(body_.size(), 58) : 0);
        body_[2] = static_cast<std::uint8_t>(sum >> 8);
        body_[3] = static_cast<std::uint8_t>(sum);
        return *this;
    }

    [[nodiscard]] bool v6() const { return from_.size() == 16; }
    /// From the IP header on.
    [[nodiscard]] Bytes bytes() const { return v6() ? bytes6() : bytes4(); }
    /// In an Ethernet frame.
    [[nodiscard]] weft::test::Frame frame(std::string_view from, std::string_view to) const {
        return weft::test::Frame().from(from).to(to).type(v6() ? 0x86dd : 0x0800).payload(bytes());
    }
    [[nodiscard]] weft::test::Frame frame(const MacAddress& from, const MacAddress& to) const {
        return frame(to_string(from), to_string(to));
    }

  private:
    static void put16(Bytes& to, unsigned value) {
        to.push_back(static_cast<std::uint8_t>(value >> 8));
        to.push_back(static_cast<std::uint8_t>(value));
    }
    unsigned pseudo(std::size_t length, unsigned protocol) const {
        Bytes all = from_;
        all.insert(all.end(), to_.begin(), to_.end());
        put16(all, static_cast<unsigned>(length));
        put16(all, protocol);
        return rfc1071(all) ^ 0xffff;
    }
    Bytes bytes4() const {
        Bytes all{static_cast<std::uint8_t>(0x45 + options_.size() / 4), static_cast<std::uint8_t>(tos_)};
        put16(all, static_cast<unsigned>(20 + options_.size() + body_.size()));
        put16(all, id_);
        put16(all, fragment_);
        all.push_back(static_cast<std::uint8_t>(ttl_));
        all.push_back(protocol_);
        put16(all, 0);
        all.insert(all.end(), from_.begin(), from_.end());
        all.insert(all.end(), to_.begin(), to_.end());
        all.insert(all.end(), options_.begin(), options_.end());
        const unsigned sum = rfc1071(all);
        all[10] = static_cast<std::uint8_t>(sum >> 8);
        all[11] = static_cast<std::uint8_t>(sum);
        all.insert(all.end(), body_.begin(), body_.end());
        return all;
    }
    Bytes bytes6() const {
        Bytes rest;
        for (std::size_t i = 0; i < extensions_.size(); ++i) {
            Bytes header = extensions_[i].second;
            header[0] = i + 1 < extensions_.size() ? extensions_[i + 1].first : protocol_;
            rest.insert(rest.end(), header.begin(), header.end());
        }
        rest.insert(rest.end(), body_.begin(), body_.end());
        Bytes all;
        put16(all, 0x6000 | tos_ << 4 | label_ >> 16);
        put16(all, label_ & 0xffff);
        put16(all, static_cast<unsigned>(rest.size()));
        all.push_back(extensions_.empty() ? protocol_ : extensions_.front().first);
        all.push_back(static_cast<std::uint8_t>(ttl_));
        all.insert(all.end(), from_.begin(), from_.end());
        all.insert(all.end(), to_.begin(), to_.end());
        all.insert(all.end(), rest.begin(), rest.end());
        return all;
    }

    Bytes from_, to_, options_, body_ = Bytes(26, 0x5a);
    std::vector<std::pair<std::uint8_t, Bytes>> extensions_;
    unsigned ttl_ = 64, tos_ = 0, id_ = 0x1234, label_ = 0, fragment_ = 0;
    std::uint8_t protocol_ = 253;  // RFC 3692: for experiments
};

}  // namespace weft::test
