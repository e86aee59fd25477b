#include "control/server/message.hpp"

#include "control/server/base64.hpp"

namespace weft::server {

namespace {

std::string line_of(const Json& message) {
    return message.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace

Answer refusal(const Error& error, int exit) {
    Answer answer;
    answer.exit = exit;
    answer.error = error.message;
    answer.column = error.column;
    return answer;
}

std::string encode_answer(const Json& id, const Answer& answer, bool json) {
    Json message{{"id", id}, {"ok", answer.error.empty()}, {"exit", answer.exit}};
    if (!answer.error.empty()) {
        message["error"] = answer.error;
        if (answer.column > 0) message["column"] = answer.column;
    } else if (answer.data) {
        message["data"] = *answer.data;
    } else if (json && answer.text.empty()) {
        message["data"] = Json::array();
    } else {
        message["text"] = answer.text;
    }
    if (!answer.warnings.empty()) message["warnings"] = answer.warnings;
    return line_of(message);
}

std::string encode_stream_start(const Json& id) {
    return line_of({{"id", id}, {"ok", true}, {"stream", true}});
}

std::string encode_event(const Json& id, const Json& event) {
    return line_of({{"id", id}, {"event", event}});
}

std::string encode_bytes(const Json& id, std::string_view bytes) {
    return line_of({{"id", id}, {"base64", encode_base64(bytes)}});
}

}  // namespace weft::server
