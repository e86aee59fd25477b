#include "tests/unit/hook_rig.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <stdexcept>

namespace weft::test {

namespace {

void put16(Bytes& bytes, std::size_t at, unsigned value) {
    bytes.at(at) = static_cast<std::uint8_t>(value >> 8);
    bytes.at(at + 1) = static_cast<std::uint8_t>(value);
}

}  // namespace

Bytes operator+(Bytes front, const Bytes& back) {
    front.insert(front.end(), back.begin(), back.end());
    return front;
}

Bytes Packet4::bytes() const {
    Bytes ip(20);
    ip[0] = 0x45;
    put16(ip, 2, static_cast<unsigned>(20 + payload.size()));
    put16(ip, 6, fragment);
    ip[8] = ttl;
    ip[9] = protocol;
    inet_pton(AF_INET, source, &ip[12]);
    inet_pton(AF_INET, destination, &ip[16]);
    return ip + payload;
}

Bytes Packet6::bytes() const {
    Bytes ip(40);
    ip[0] = 0x60;
    put16(ip, 4, static_cast<unsigned>(payload.size()));
    ip[6] = next;
    ip[7] = 64;
    inet_pton(AF_INET6, source, &ip[8]);
    inet_pton(AF_INET6, destination, &ip[24]);
    return ip + payload;
}

Bytes udp(std::uint16_t source, std::uint16_t destination) {
    Bytes header(12);
    put16(header, 0, source);
    put16(header, 2, destination);
    put16(header, 4, 12);
    return header;
}

Bytes tcp(std::uint16_t source, std::uint16_t destination, std::uint8_t flags, const Bytes& options) {
    Bytes header(20);
    put16(header, 0, source);
    put16(header, 2, destination);
    header[12] = static_cast<std::uint8_t>((20 + options.size()) / 4 << 4);
    header[13] = flags;
    return header + options + Bytes(4);
}

Bytes icmp(std::uint8_t type, std::uint8_t code) {
    return {type, code, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4};
}

hook::InterfaceNames four_interfaces() {
    return {{"eth0", 1}, {"eth1", 2}, {"br0", 3}, {"wlan0", 4}};
}

void HookRig::rule(std::string_view line) {
    const auto outcome = run(line);
    if (outcome.status != 0) throw std::runtime_error(std::string(line) + ": " + outcome.errors);
    program.reset();
}

hook::WalkResult HookRig::walk(hook::Hook hook, const Bytes& bytes, hook::TableMask tables) {
    if (!program) program = compiler.compile(rules, names, find_set);
    trail.clear();
    actions.all.clear();
    actions.cut.clear();
    if (!hook::read_packet(packet, rules.family, bytes.data(), static_cast<std::uint32_t>(bytes.size())))
        throw std::runtime_error("no packet of the family");
    return hook::walk(*program, hook, tables, packet, trail, now_us, &actions);
}

std::size_t HookRig::counted(std::string_view chain, std::size_t number, std::string_view table) const {
    const auto ids = compiler.ids(*hook::table_by_name(table), chain);
    return static_cast<std::size_t>(std::count(trail.path.begin(), trail.path.end(), ids.at(number - 1)));
}

std::vector<std::size_t> HookRig::path(std::string_view chain, std::string_view table) const {
    const auto ids = compiler.ids(*hook::table_by_name(table), chain);
    std::vector<std::size_t> numbers;
    for (const auto id : trail.path) {
        const auto found = std::find(ids.begin(), ids.end(), id);
        if (found != ids.end()) numbers.push_back(static_cast<std::size_t>(found - ids.begin()) + 1);
    }
    return numbers;
}

bool HookRig::matches(std::string_view text, const Bytes& bytes) {
    rule("-F INPUT");
    rule("-A INPUT " + std::string(text));
    static_cast<void>(walk(hook::Hook::input, bytes));
    return counted("INPUT", 1) == 1;
}

}  // namespace weft::test
