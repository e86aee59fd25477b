// Any text as a configuration file and as an API request: read, parsed, completed; errors have a place.
#include <algorithm>
#include <string>
#include <string_view>

#include "control/command/grammar.hpp"
#include "control/command/program.hpp"
#include "control/config/file.hpp"
#include "control/server/message.hpp"
#include "tests/fuzz/input.hpp"

namespace weft::fuzz {
namespace {

constexpr std::size_t commands_a_file = 50;

void parse_words(const std::vector<std::string>& words) {
    const auto& grammar = command::grammar();
    const auto columns = command::columns_of(words);
    const auto match = grammar.parse(words);
    if (match) {
        for (const auto& item : match->items) {
            const auto is_column =
                std::find(columns.begin(), columns.end() - 1, item.column) != columns.end() - 1;
            require(is_column, "an item has the column of a word");
        }
        require(!match->items.empty() && !match->items.front().argument, "a command begins with its keyword");
    } else {
        const auto& error = match.error();
        require(!error.message.empty(), "an error is a sentence");
        require(error.column >= 1 && error.column <= columns.back(), "an error's column lies in the line");
        require(command::exit_status(words, error) != 0, "an error's status is not 0");
    }
    static_cast<void>(grammar.help(words));
    for (std::size_t shown = 0; shown <= words.size(); ++shown)
        static_cast<void>(grammar.complete(std::span(words).first(shown)));
}

void read_back(const std::vector<std::string>& words) {
    const auto again = config::read(config::quote(words), "quoted");
    require(static_cast<bool>(again), "quoted words are read");
    require(again->size() == 1 && again->front().words == words, "quoted words are read as they were");
}

void read_as_file(std::string_view text) {
    const auto commands = config::read(text, "fuzz");
    if (!commands) {
        require(commands.error().message.starts_with("fuzz:"), "an error names its file");
        return;
    }
    std::size_t count = 0;
    for (const auto& command : *commands) {
        if (++count > commands_a_file) break;
        require(!command.words.empty() && command.words.size() == command.places.size(),
                "each word has its place");
        for (const int column : {0, 1, 7, 1'000'000})
            require(command.place(column).line >= 1, "any column has a place");
        parse_words(command.words);
        read_back(command.words);
    }
}

void read_as_request(std::string_view text) {
    server::Json id;
    const auto request = server::decode_request(text, id);
    if (!request) return;
    require(!request->argv.empty(), "a request has words");
    server::Answer answer;
    answer.text = request->input;
    answer.error = request->argv.front();
    const auto line = server::encode_answer(id, answer, request->json);
    require(line.find('\n') == line.size() - 1, "an answer is one line");
    parse_words(request->argv);
}

}  // namespace
}  // namespace weft::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    weft::fuzz::read_as_file(text);
    weft::fuzz::read_as_request(text);
    return 0;
}
