// Frames for tests, built fluently: Frame().from("02:..:01").to("02:..:02").tag(10).payload(46).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weft/net/ethernet.hpp"

namespace weft::test {

using Bytes = std::vector<std::uint8_t>;

/// Value type; bytes() is the frame without FCS: addresses, tags outermost first, EtherType, payload.
class Frame {
  public:
    Frame& from(std::string_view mac) { return source_ = *parse_mac(mac), *this; }
    Frame& to(std::string_view mac) { return destination_ = *parse_mac(mac), *this; }
    Frame& from(const MacAddress& mac) { return source_ = mac, *this; }
    Frame& to(const MacAddress& mac) { return destination_ = mac, *this; }
    /// One more tag, inside the ones given so far.
    Frame& tag(std::uint16_t vid, unsigned priority = 0, bool drop_eligible = false,
               std::uint16_t tpid = ether_type::vlan) {
        const auto tci = static_cast<std::uint16_t>(priority << 13 | unsigned{drop_eligible} << 12 | vid);
        for (const std::uint16_t field : {tpid, tci}) {
            tags_.push_back(static_cast<std::uint8_t>(field >> 8));
            tags_.push_back(static_cast<std::uint8_t>(field));
        }
        return *this;
    }
    Frame& type(std::uint16_t ether_type) { return type_ = ether_type, *this; }
    /// So many bytes counting up from `first`.
    Frame& payload(std::size_t length, std::uint8_t first = 0) {
        payload_.resize(length);
        for (auto& byte : payload_)
            byte = first++;
        return *this;
    }
    Frame& payload(Bytes bytes) { return payload_ = std::move(bytes), *this; }

    [[nodiscard]] Bytes bytes() const {
        Bytes all(destination_.bytes.begin(), destination_.bytes.end());
        all.insert(all.end(), source_.bytes.begin(), source_.bytes.end());
        all.insert(all.end(), tags_.begin(), tags_.end());
        all.push_back(static_cast<std::uint8_t>(type_ >> 8));
        all.push_back(static_cast<std::uint8_t>(type_));
        all.insert(all.end(), payload_.begin(), payload_.end());
        return all;
    }
    operator Bytes() const { return bytes(); }

  private:
    MacAddress source_{{2, 0, 0, 0, 0, 1}}, destination_{{2, 0, 0, 0, 0, 2}};
    Bytes tags_, payload_ = Bytes(46, 0x5a);
    std::uint16_t type_ = 0x88b5;  // IEEE 802 local experimental
};

}  // namespace weft::test
