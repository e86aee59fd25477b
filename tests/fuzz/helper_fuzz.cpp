// What helpers read of payloads, and SCTP's chunks.
//
// Input: 1 byte settings (bit 0 the server's side, bit 1 IPv6, bit 7 SCTP). Then FTP's payload; or for each
// SCTP packet 1 byte (bit 0 the answering side, the rest its length in words) and its bytes from the header
// on.
#include <string>
#include <vector>

#include "dataplane/flow/ftp.hpp"
#include "dataplane/flow/sctp.hpp"
#include "tests/fuzz/input.hpp"

namespace weft::fuzz {
namespace {

void read_ftp(unsigned direction, bool v6, std::string payload) {
    IpAddress sender;
    sender.bytes[0] = 10;
    const FtpFound found = find_ftp(direction, payload, v6, sender);
    if (found.kind != FtpFound::whole) return;
    require(found.length > 0 && found.offset + found.length <= payload.size(),
            "the words lie in the payload");
    char words[ftp_words_most];
    const std::uint32_t length = write_ftp(words, found.command, v6, found.address, found.port);
    require(length < ftp_words_most, "the words have room");
    payload.replace(found.offset, found.length, words, length);
    const FtpFound again = find_ftp(direction, payload, v6, sender);
    require(again.kind == FtpFound::whole && again.command == found.command && again.offset == found.offset &&
                again.length == length && again.address == found.address && again.port == found.port,
            "what is written is read again");
}

void follow_sctp(Input input) {
    const FlowConfig config;
    FlowState state{};
    FlowTime now = 1'000'000;
    while (!input.rest().empty()) {
        const std::uint8_t how = input.byte();
        std::vector<std::byte> bytes;
        for (unsigned left = (how >> 1) * 4u; left > 0 && !input.rest().empty(); --left)
            bytes.push_back(static_cast<std::byte>(input.byte()));
        const auto size = static_cast<std::uint32_t>(bytes.size());
        const L4View packet{
            .data = bytes.data(), .head = size, .length = size, .protocol = ip_protocol::sctp};
        const auto verdict = track_sctp(state, how & 1, packet, config, now += 1000);
        require(static_cast<unsigned>(state.sctp.state()) < sctp_state_count, "a state that there is");
        if (verdict != L4Verdict::accept) continue;
        state.set(FlowStatus::confirmed);
        if (how & 1) state.set(FlowStatus::seen_reply);
    }
}

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace weft::fuzz;
    Input input(data, size);
    const std::uint8_t settings = input.byte();
    if (settings & 0x80) {
        follow_sctp(input);
        return 0;
    }
    const auto rest = input.rest();
    read_ftp(settings & 1, settings & 2, {rest.begin(), rest.end()});
    return 0;
}
