#include "control/flow/expectation.hpp"

#include <fmt/format.h>

#include <iterator>

#include "control/flow/print.hpp"

namespace weft::conntrack {

namespace {

/// `before` is "", "mask-" or "master-".
void put_expected_tuple(std::string& out, const Expectation& one, const Tuple& tuple, const char* before) {
    fmt::format_to(std::back_inserter(out), "{0}src={1} {0}dst={2} sport={3} dport={4} ", before,
                   address_text(one.v6, tuple.source), address_text(one.v6, tuple.destination),
                   tuple.source_port, tuple.destination_port);
}
void put_expected_json(std::string& out, const Expectation& one, const Tuple& tuple, const char* name) {
    fmt::format_to(std::back_inserter(out), R"("{}":{{"src":"{}","dst":"{}","sport":{},"dport":{}}},)", name,
                   address_text(one.v6, tuple.source), address_text(one.v6, tuple.destination),
                   tuple.source_port, tuple.destination_port);
}

}  // namespace

bool Expectation::fits(bool of_v6, std::uint8_t of_protocol, const Tuple& tuple) const noexcept {
    if (v6 != of_v6 || protocol != of_protocol || tuple.destination != expected.destination ||
        tuple.destination_port != expected.destination_port ||
        ((tuple.source_port ^ expected.source_port) & mask.source_port) != 0)
        return false;
    for (std::size_t i = 0; i < mask.source.bytes.size(); ++i)
        if (((tuple.source.bytes[i] ^ expected.source.bytes[i]) & mask.source.bytes[i]) != 0) return false;
    return true;
}

std::string print(const Expectation& one) {
    std::string out = fmt::format("{} proto={} ", one.timeout, one.protocol);
    put_expected_tuple(out, one, one.expected, "");
    put_expected_tuple(out, one, one.mask, "mask-");
    put_expected_tuple(out, one, one.master, "master-");
    if (one.permanent) out += "PERMANENT ";
    if (one.inactive) out += one.permanent ? ",INACTIVE " : "INACTIVE ";
    return out + "class=0 helper=" + one.helper;
}

std::string print(Event event, const Expectation& one) {
    return fmt::format("{:>9} {}", event == Event::created ? "[NEW]" : "[DESTROY]", print(one));
}

void append_json(std::string& out, const Expectation& one) {
    out += '{';
    put_expected_json(out, one, one.expected, "expected");
    put_expected_json(out, one, one.mask, "mask");
    put_expected_json(out, one, one.master, "master");
    fmt::format_to(std::back_inserter(out),
                   R"("protonum":{},"timeout":{},"permanent":{},"inactive":{},"class":0,"helper":"{}"}})",
                   one.protocol, one.timeout, one.permanent, one.inactive, one.helper);
}

}  // namespace weft::conntrack
