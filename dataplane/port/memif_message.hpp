// One message of memif's control channel, with the descriptor it carries. Never blocks.
#pragma once

#include <optional>
#include <string_view>

#include "dataplane/port/memif_protocol.hpp"
#include "dataplane/port/netns.hpp"

namespace weft::ports {

struct MemifMessage {
    memif::Message text;
    Fd descriptor;
};

enum class MemifRead : std::uint8_t { message, nothing, ended };

/// What is there to be read; `ended` also of a message that is none.
MemifRead read_message(int socket, MemifMessage& into);
/// False if the peer does not take it.
bool send_message(int socket, const memif::Message& text, int descriptor = -1);
/// Tells the peer why the connection ends.
void send_disconnect(int socket, std::string_view reason);

memif::Message hello_message();
memif::Message init_message(std::uint32_t id);
memif::Message named_message(memif::MessageType type, std::string_view name);

}  // namespace weft::ports
