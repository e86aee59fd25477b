#include "control/observe/pcapng.hpp"

#include <cstring>

namespace weft::pcapng {

namespace {

constexpr std::uint32_t section_type = 0x0a0d0d0a, interface_type = 1, packet_type = 6;
constexpr std::uint16_t link_ethernet = 1;
constexpr std::uint16_t option_end = 0, option_comment = 1, option_name = 2, option_flags = 2,
                        option_resolution = 9, option_application = 4;

template <class T>
void put(std::string& to, T value) {
    to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void pad(std::string& to) {
    to.append((4 - to.size() % 4) % 4, '\0');
}

constexpr std::size_t longest_option = 65'535;

void put_option(std::string& to, std::uint16_t code, std::string_view value) {
    value = value.substr(0, longest_option);
    put(to, code);
    put(to, static_cast<std::uint16_t>(value.size()));
    to.append(value);
    pad(to);
}

/// A block has its length at both ends.
std::string block(std::uint32_t type, const std::string& body) {
    const auto length = static_cast<std::uint32_t>(body.size() + 12);
    std::string all;
    all.reserve(length);
    put(all, type);
    put(all, length);
    all += body;
    put(all, length);
    return all;
}

}  // namespace

std::string section_header() {
    std::string body;
    put(body, std::uint32_t{0x1a2b3c4d});
    put(body, std::uint16_t{1});  // version 1.0
    put(body, std::uint16_t{0});
    put(body, std::int64_t{-1});  // length not given
    put_option(body, option_application, "weft");
    put_option(body, option_end, {});
    return block(section_type, body);
}

std::string interface_description(std::string_view name, std::uint32_t snap) {
    std::string body;
    put(body, link_ethernet);
    put(body, std::uint16_t{0});
    put(body, snap);
    put_option(body, option_name, name);
    put_option(body, option_resolution, std::string_view("\x09", 1));
    put_option(body, option_end, {});
    return block(interface_type, body);
}

std::string enhanced_packet(const Frame& frame) {
    std::string body;
    put(body, frame.interface);
    put(body, static_cast<std::uint32_t>(frame.nanoseconds >> 32));
    put(body, static_cast<std::uint32_t>(frame.nanoseconds));
    put(body, static_cast<std::uint32_t>(frame.bytes.size()));
    put(body, frame.length);
    body.append(reinterpret_cast<const char*>(frame.bytes.data()), frame.bytes.size());
    pad(body);
    if (!frame.comment.empty()) put_option(body, option_comment, frame.comment);
    if (frame.inbound) {
        const std::uint32_t flags = *frame.inbound ? 1 : 2;
        put_option(body, option_flags, {reinterpret_cast<const char*>(&flags), sizeof flags});
    }
    if (!frame.comment.empty() || frame.inbound) put_option(body, option_end, {});
    return block(packet_type, body);
}

}  // namespace weft::pcapng
