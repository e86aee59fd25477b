#include "dataplane/flow/ftp.hpp"

#include <arpa/inet.h>
#include <strings.h>

#include <array>
#include <cstdio>

namespace weft {

namespace {

using std::string_view;

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// What a reader makes of the words behind a command.
struct Numbers {
    std::uint32_t offset = 0, length = 0;  ///< length 0: not what it should be
    IpAddress address;
    std::uint16_t port = 0;
};

/// Numbers joined by `separator` and ended by `end`, or with 0 by anything: their length; 0 if they are not
/// (try_number). They may be too great, as there.
template <std::size_t n>
std::uint32_t read_numbers(string_view text, std::array<std::uint32_t, n>& numbers, char separator,
                           char end) noexcept {
    numbers = {};
    std::size_t i = 0;
    for (std::uint32_t at = 0; at < text.size() && i < n; ++at) {
        if (is_digit(text[at]))
            numbers[i] = numbers[i] * 10 + static_cast<std::uint32_t>(text[at] - '0');
        else if (text[at] == separator)
            ++i;
        else
            return (end == 0 || text[at] == end) && i == n - 1 ? at : 0;
    }
    return 0;
}

IpAddress address_of(const std::uint32_t* four) noexcept {
    return to_address(be32{four[0] << 24 | four[1] << 16 | four[2] << 8 | four[3]});
}

/// Where the words end behind a port and `delimiter`; 0 if there is none (get_port).
std::uint32_t read_port(string_view text, std::size_t begin, char delimiter, std::uint16_t& port) noexcept {
    std::uint16_t value = 0;
    for (std::size_t at = begin; at < text.size(); ++at) {
        if (text[at] == delimiter) {
            if (value == 0) return 0;
            port = value;
            return static_cast<std::uint32_t>(at + 1);
        }
        if (!is_digit(text[at])) return 0;
        value = static_cast<std::uint16_t>(value * 10 + (text[at] - '0'));
    }
    return 0;
}

/// "192,168,1,1,5,6"
Numbers read_rfc959(string_view text, char end) noexcept {
    std::array<std::uint32_t, 6> six;
    Numbers found;
    found.length = read_numbers(text, six, ',', end);
    found.address = address_of(six.data());
    found.port = static_cast<std::uint16_t>(six[4] << 8 | six[5]);
    return found;
}
/// RFC 1123 4.1.2.6: of an answer, wherever the first digit is.
Numbers read_rfc1123(string_view text) noexcept {
    std::uint32_t begin = 0;
    while (begin < text.size() && !is_digit(text[begin]))
        ++begin;
    Numbers found = read_rfc959(text.substr(begin), 0);
    found.offset = begin;
    return found;
}

constexpr bool is_delimiter(char c) noexcept {
    return !is_digit(c) && c >= 33 && c <= 126;
}

std::uint32_t read_address6(string_view text, char end, IpAddress& to) noexcept {
    const auto length = text.find(end);
    std::array<char, INET6_ADDRSTRLEN> word{};
    if (length == string_view::npos || length >= word.size()) return 0;
    text.copy(word.data(), length);
    return inet_pton(AF_INET6, word.data(), to.bytes.data()) == 1 ? static_cast<std::uint32_t>(length) : 0;
}

/// RFC 2428 2: "|1|132.235.1.2|6275|", "|2|3ffe::1|6275|"
Numbers read_eprt(string_view text, bool v6) noexcept {
    Numbers found;
    if (text.size() <= 3) return found;
    const char delimiter = text[0];
    if (!is_delimiter(delimiter) || text[2] != delimiter || text[1] != (v6 ? '2' : '1')) return found;
    std::uint32_t length = 0;
    if (v6) {
        length = read_address6(text.substr(3), delimiter, found.address);
    } else {
        std::array<std::uint32_t, 4> four;
        length = read_numbers(text.substr(3), four, '.', delimiter);
        found.address = address_of(four.data());
    }
    if (length != 0) found.length = read_port(text, 3 + length + 1, delimiter, found.port);
    return found;
}
/// RFC 2428 3: "|||6446|"
Numbers read_epsv(string_view text, const IpAddress& sender) noexcept {
    Numbers found;
    found.address = sender;
    if (text.size() <= 3) return found;
    const char delimiter = text[0];
    if (!is_delimiter(delimiter) || text[1] != delimiter || text[2] != delimiter) return found;
    found.length = read_port(text, 3, delimiter, found.port);
    return found;
}

struct Pattern {
    string_view word;
    char skip;  ///< up to which the words are passed over; 0: nothing
    FtpCommand command;
};
constexpr Pattern patterns[2][2] = {{{"PORT", ' ', FtpCommand::port}, {"EPRT", ' ', FtpCommand::eprt}},
                                    {{"227 ", 0, FtpCommand::pasv}, {"229 ", '(', FtpCommand::epsv}}};

Numbers read_words(FtpCommand command, string_view text, bool v6, const IpAddress& sender) noexcept {
    switch (command) {
        case FtpCommand::port:
            return read_rfc959(text, '\r');
        case FtpCommand::pasv:
            return read_rfc1123(text);
        case FtpCommand::eprt:
            return read_eprt(text, v6);
        case FtpCommand::epsv:
            break;
    }
    return read_epsv(text, sender);
}

/// find_pattern.
FtpFound find_pattern(const Pattern& pattern, string_view payload, bool v6,
                      const IpAddress& sender) noexcept {
    FtpFound found;
    found.command = pattern.command;
    const std::size_t compared = std::min(payload.size(), pattern.word.size());
    if (compared == 0 || strncasecmp(payload.data(), pattern.word.data(), compared) != 0) return found;
    found.kind = FtpFound::partial;
    if (payload.size() <= pattern.word.size()) return found;
    std::size_t begin = pattern.word.size();
    if (pattern.skip != 0) {
        begin = payload.find(pattern.skip, begin);
        if (begin == string_view::npos) return found;
        ++begin;
    }
    const Numbers numbers = read_words(pattern.command, payload.substr(begin), v6, sender);
    if (numbers.length == 0) return found;
    found.kind = FtpFound::whole;
    found.address = numbers.address;
    found.port = numbers.port;
    found.offset = static_cast<std::uint32_t>(begin) + numbers.offset;
    found.length = numbers.length;
    return found;
}

constexpr bool after(std::uint32_t a, std::uint32_t b) noexcept {
    return static_cast<std::int32_t>(b - a) < 0;
}

}  // namespace

FtpFound find_ftp(unsigned direction, string_view payload, bool v6, const IpAddress& sender) noexcept {
    for (const Pattern& pattern : patterns[direction])
        if (const FtpFound found = find_pattern(pattern, payload, v6, sender);
            found.kind != FtpFound::nothing)
            return found;
    return {};
}

std::uint32_t write_ftp(char* to, FtpCommand command, bool v6, const IpAddress& address,
                        std::uint16_t port) noexcept {
    const auto& b = address.bytes;
    const unsigned number = port;
    const auto word = [&](unsigned i) { return static_cast<unsigned>(b[2 * i] << 8 | b[2 * i + 1]); };
    int length = 0;
    switch (command) {
        case FtpCommand::port:
        case FtpCommand::pasv:
            length = std::snprintf(to, ftp_words_most, "%u,%u,%u,%u,%u,%u", b[0], b[1], b[2], b[3],
                                   number >> 8, number & 0xff);
            break;
        case FtpCommand::eprt:
            length =
                v6 ? std::snprintf(to, ftp_words_most, "|2|%04x:%04x:%04x:%04x:%04x:%04x:%04x:%04x|%u|",
                                   word(0), word(1), word(2), word(3), word(4), word(5), word(6), word(7),
                                   number)
                   : std::snprintf(to, ftp_words_most, "|1|%u.%u.%u.%u|%u|", b[0], b[1], b[2], b[3], number);
            break;
        case FtpCommand::epsv:
            length = std::snprintf(to, ftp_words_most, "|||%u|", number);
            break;
    }
    return static_cast<std::uint32_t>(length);
}

bool FtpLines::has(std::uint32_t seq) const noexcept {
    for (unsigned i = 0; i < count; ++i)
        if (after_end[i] == seq) return true;
    return false;
}

void FtpLines::add(std::uint32_t seq) noexcept {
    if (has(seq)) return;
    if (count < most) {
        after_end[count++] = seq;
        return;
    }
    std::uint32_t& oldest = after_end[after(after_end[1], after_end[0]) ? 0 : 1];
    if (after(seq, oldest)) oldest = seq;
}

}  // namespace weft
