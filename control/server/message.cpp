#include "control/server/message.hpp"

#include <fmt/format.h>

#include "control/server/base64.hpp"

namespace weft::server {

namespace {

std::string line_of(const Json& message) {
    return message.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Error wrong(std::string_view what) {
    return {ErrorCode::usage, fmt::format("malformed request: {}", what), 0};
}

}  // namespace

Answer refusal(const Error& error, int exit) {
    Answer answer;
    answer.exit = exit;
    answer.error = error.message;
    answer.column = error.column;
    return answer;
}

Result<Request> decode_request(std::string_view line, Json& id) {
    id = nullptr;
    const auto message = Json::parse(line, nullptr, false);
    if (message.is_discarded()) return wrong("not JSON");
    if (!message.is_object()) return wrong("not an object");
    if (const auto found = message.find("id"); found != message.end()) {
        if (found->is_structured()) return wrong("\"id\" is neither a number nor a string");
        id = *found;
    }
    Request request;
    request.id = id;
    for (const auto& [key, value] : message.items()) {
        if (key == "argv") {
            if (!value.is_array()) return wrong("\"argv\" is not an array");
            for (const auto& word : value) {
                if (!word.is_string()) return wrong("a word of \"argv\" is not a string");
                request.argv.push_back(word.get<std::string>());
                if (request.argv.back().find('\0') != std::string::npos)
                    return wrong("a word has a zero byte");
            }
        } else if (key == "stdin") {
            if (!value.is_string() && !value.is_null()) return wrong("\"stdin\" is not a string");
            if (value.is_string()) request.input = value.get<std::string>();
        } else if (key == "json") {
            if (!value.is_boolean()) return wrong("\"json\" is neither true nor false");
            request.json = value.get<bool>();
        } else if (key != "id") {
            return wrong(fmt::format("\"{}\" is not known; expected id, argv, stdin, json", key));
        }
    }
    if (request.argv.empty()) return wrong("\"argv\" has no word");
    return request;
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
