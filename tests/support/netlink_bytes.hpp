// Netlink messages put together byte by byte, for tests.
#pragma once

#include <arpa/inet.h>
#include <linux/rtnetlink.h>

#include <cstring>
#include <string>
#include <vector>

#include "control/kernel/attributes.hpp"
#include "weft/hop.hpp"

namespace weft::test {

/// What follows a netlink header: a plain struct, then attributes.
class MessageBody {
  public:
    template <class Body>
    explicit MessageBody(const Body& body) {
        put_bytes(&body, sizeof body);
    }
    MessageBody& put(int type, const void* data, std::size_t size) {
        const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + size),
                            static_cast<std::uint16_t>(type)};
        put_bytes(&header, sizeof header);
        put_bytes(data, size);
        return *this;
    }
    template <class T>
    MessageBody& put(int type, const T& value) {
        return put(type, &value, sizeof value);
    }
    MessageBody& put(int type, const std::vector<std::byte>& bytes) {
        return put(type, bytes.data(), bytes.size());
    }
    MessageBody& put_ip(int type, const char* text);
    void put_bytes(const void* data, std::size_t size) {
        const auto* from = static_cast<const std::byte*>(data);
        bytes_.insert(bytes_.end(), from, from + size);
        bytes_.resize(NLMSG_ALIGN(bytes_.size()));
    }
    [[nodiscard]] Bytes bytes() const { return bytes_; }
    [[nodiscard]] const std::vector<std::byte>& vector() const { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
};

/// An IPv4 or IPv6 address from its text.
inline IpAddress ip(const char* text) {
    IpAddress address;
    inet_pton(std::strchr(text, ':') ? AF_INET6 : AF_INET, text, address.bytes.data());
    return address;
}

inline MessageBody& MessageBody::put_ip(int type, const char* text) {
    const auto address = ip(text);
    return put(type, address.bytes.data(), std::strchr(text, ':') ? 16 : 4);
}

}  // namespace weft::test
