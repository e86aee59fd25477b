#include "control/server/message.hpp"

#include <algorithm>

#include "control/server/base64.hpp"

namespace weft::server {

namespace {

std::string line_of(const Json& message) {
    return message.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string_view short_escape(char c) {
    switch (c) {
        case '\n':
            return "\\n";
        case '\t':
            return "\\t";
        case '"':
            return "\\\"";
        case '\\':
            return "\\\\";
        default:
            return {};
    }
}

/// Text of which nothing needs an escape but line ends and quotes goes over at once.
void append_escaped(std::string& to, std::string_view text) {
    while (!text.empty()) {
        const auto plain = std::find_if(text.begin(), text.end(),
                                        [](char c) { return c < 0x20 || c > 0x7e || c == '"' || c == '\\'; });
        to.append(text.begin(), plain);
        text.remove_prefix(static_cast<std::size_t>(plain - text.begin()));
        if (text.empty()) break;
        if (const auto known = short_escape(text.front()); !known.empty()) {
            to += known;
            text.remove_prefix(1);
            continue;
        }
        // A character in several bytes is one only as a whole.
        const auto end =
            std::find_if(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
        const auto length = std::max<std::size_t>(1, static_cast<std::size_t>(end - text.begin()));
        const auto escaped =
            Json(text.substr(0, length)).dump(-1, ' ', false, Json::error_handler_t::replace);
        to.append(escaped, 1, escaped.size() - 2);
        text.remove_prefix(length);
    }
}

void append_quoted(std::string& to, std::string_view text) {
    to += '"';
    append_escaped(to, text);
    to += '"';
}

}  // namespace

Answer refusal(const Error& error, int exit) {
    Answer answer;
    answer.exit = exit;
    answer.error = error.message;
    answer.column = error.column;
    answer.line = error.line;
    return answer;
}

std::string encode_answer(const Json& id, const Answer& answer, bool json) {
    Json message{{"id", id}, {"ok", answer.error.empty()}, {"exit", answer.exit}};
    std::string_view member;
    if (!answer.error.empty()) {
        message["error"] = answer.error;
        if (!answer.text.empty()) message["text"] = answer.text;
        if (answer.line > 0) message["line"] = answer.line;
        if (answer.column > 0) message["column"] = answer.column;
    } else if (answer.data) {
        message["data"] = *answer.data;
    } else if (answer.encoded.empty() && json && answer.text.empty()) {
        message["data"] = Json::array();
    } else {
        member = answer.encoded.empty() ? "text" : "data";
    }
    Json warnings;
    if (!answer.warnings.empty()) warnings["warnings"] = answer.warnings;
    if (member.empty()) {
        if (!answer.warnings.empty()) message["warnings"] = answer.warnings;
        return line_of(message);
    }
    std::string line = line_of(message);
    // The long ones are not put into the message: it would copy them, and dump() again.
    line.resize(line.size() - 2);
    line.reserve(line.size() + answer.encoded.size() + answer.text.size() + answer.text.size() / 32 + 64);
    line.append(",\"").append(member).append("\":");
    if (answer.encoded.empty())
        append_quoted(line, answer.text);
    else
        line += answer.encoded;
    if (warnings.is_null()) return line += "}\n";
    return line.append(",").append(line_of(warnings), 1);
}

std::string encode_pieces_start(const Json& id, bool json) {
    std::string line = line_of({{"id", id}, {"ok", true}});
    line.resize(line.size() - 2);
    return line.append(json ? R"(,"data":)" : R"(,"text":")");
}

std::string encode_piece(std::string_view piece, bool json) {
    if (json) return std::string(piece);
    std::string escaped;
    escaped.reserve(piece.size() + piece.size() / 32 + 64);
    append_escaped(escaped, piece);
    return escaped;
}

std::string encode_pieces_end(const Pieces& pieces, bool json) {
    Json rest{{"exit", pieces.exit}};
    if (!pieces.warnings.empty()) rest["warnings"] = pieces.warnings;
    return (json ? "," : "\",") + line_of(rest).substr(1);
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
