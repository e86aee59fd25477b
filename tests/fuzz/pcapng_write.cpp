// Writes with weft's pcapng writer what standard input describes, for pcapng.py, which reads it back with
// others' tools:
//     interface SNAP NAME
//     packet INTERFACE NANOSECONDS LENGTH in|out|- COMMENT BYTES
// NAME, COMMENT and BYTES are hexadecimal digits, "-" where there are none.
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "control/observe/pcapng.hpp"

namespace {

std::string from_hex(std::string_view digits) {
    std::string bytes;
    if (digits == "-") return bytes;
    for (std::size_t at = 0; at + 1 < digits.size(); at += 2)
        bytes += static_cast<char>(std::stoi(std::string(digits.substr(at, 2)), nullptr, 16));
    return bytes;
}

void write(const std::string& block) {
    std::fwrite(block.data(), 1, block.size(), stdout);
}

}  // namespace

int main() {
    using namespace weft;
    std::ios::sync_with_stdio(false);
    write(pcapng::section_header());
    std::string what, text, direction;
    while (std::cin >> what) {
        if (what == "interface") {
            std::uint32_t snap = 0;
            std::cin >> snap >> text;
            write(pcapng::interface_description(from_hex(text), snap));
        } else {
            pcapng::Frame frame;
            std::cin >> frame.interface >> frame.nanoseconds >> frame.length >> direction >> text;
            const auto comment = from_hex(text);
            std::cin >> text;
            const auto bytes = from_hex(text);
            frame.bytes = std::as_bytes(std::span(bytes));
            frame.comment = comment;
            if (direction != "-") frame.inbound = direction == "in";
            write(pcapng::enhanced_packet(frame));
        }
    }
    return std::fflush(stdout) == 0 && std::cin.eof() ? 0 : 1;
}
