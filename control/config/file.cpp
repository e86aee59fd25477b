#include "control/config/file.hpp"

#include <algorithm>

#include "control/command/program.hpp"

namespace weft::config {

namespace {

using std::string_view;

class Reader {
  public:
    Reader(string_view text, string_view file) : text_(text), file_(file) {}

    Result<std::vector<Command>> run() {
        if (const auto nul = text_.find('\0'); nul != string_view::npos) {
            while (at_ < nul)
                take();
            fail(here(), "a zero byte: this is no text file");
        }
        while (!failed_ && !at_end())
            read_line();
        if (failed_) return Error{ErrorCode::usage, std::move(message_), 0};
        return std::move(commands_);
    }

  private:
    struct HereDocument {
        std::string word;
        Place place;
        bool strip_tabs = false;
    };

    [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    [[nodiscard]] Place here() const { return {line_, static_cast<unsigned>(at_ - line_start_) + 1}; }
    /// A line end, with the carriage return that some editors write before it.
    [[nodiscard]] bool at_line_end() const {
        return at_end() || peek() == '\n' || (peek() == '\r' && (at_ + 1 == text_.size() || peek(1) == '\n'));
    }

    char take() {
        const char c = text_[at_++];
        if (c == '\n') {
            ++line_;
            line_start_ = at_;
        }
        return c;
    }

    void fail(Place place, string_view message) {
        if (failed_) return;
        failed_ = true;
        message_ = point_into_file(file_, text_, place, message);
    }

    void finish_line() {
        while (!at_end() && take() != '\n') {
        }
    }

    /// Blanks and joined lines between words.
    void skip_blanks() {
        while (!failed_ && !at_end()) {
            if (peek() == ' ' || peek() == '\t') {
                take();
            } else if (peek() == '\\' && (peek(1) == '\n' || (peek(1) == '\r' && peek(2) == '\n'))) {
                join();
            } else {
                return;
            }
        }
    }

    /// A backslash at a line's end.
    void join() {
        const auto place = here();
        while (take() != '\n') {
        }
        if (at_end()) fail(place, "the file ends in a joined line");
    }

    void read_line() {
        Command command;
        std::optional<HereDocument> document;
        while (!failed_) {
            skip_blanks();
            if (failed_ || at_line_end()) break;
            if (peek() == '#') break;
            const auto place = here();
            if (peek() == '<' && peek(1) == '<') {
                if (document) fail(place, "a second here-document: a command takes one");
                document = read_document_word();
                continue;
            }
            command.words.push_back(read_word());
            command.places.push_back(place);
        }
        command.end = here();
        if (failed_) return;
        finish_line();
        if (document && command.words.empty()) fail(document->place, "a here-document without a command");
        command.input_line = line_;
        if (document) command.input = read_document(*document);
        if (!command.words.empty()) commands_.push_back(std::move(command));
    }

    HereDocument read_document_word() {
        HereDocument document;
        document.place = here();
        take();
        take();
        if (peek() == '-') {
            take();
            document.strip_tabs = true;
        }
        skip_blanks();
        if (at_line_end()) fail(document.place, "'<<' without the word that ends the here-document");
        if (!failed_) document.word = read_word();
        return document;
    }

    std::string read_document(const HereDocument& document) {
        std::string input;
        while (!at_end()) {
            auto line = text_.substr(at_, text_.find('\n', at_) - at_);
            const bool ended = at_ + line.size() < text_.size();
            finish_line();
            if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
            if (document.strip_tabs) line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
            if (line == document.word) return input;
            input += line;
            if (ended) input += '\n';
        }
        fail(document.place, "the file ends inside this here-document: no line is \"" + document.word + "\"");
        return input;
    }

    std::string read_word() {
        std::string word;
        while (!failed_ && !at_line_end() && peek() != ' ' && peek() != '\t') {
            if (peek() == '\'')
                read_single_quoted(word);
            else if (peek() == '"')
                read_double_quoted(word);
            else if (peek() == '\\')
                read_escaped(word);
            else
                word += take();
        }
        return word;
    }

    void read_escaped(std::string& word) {
        if (peek(1) == '\n' || (peek(1) == '\r' && peek(2) == '\n')) return join();
        const auto place = here();
        take();
        if (at_end()) return fail(place, "the file ends in a joined line");
        word += take();
    }

    void read_single_quoted(std::string& word) {
        const auto place = here();
        take();
        while (!at_end() && peek() != '\'')
            word += take();
        if (at_end()) return fail(place, "this quote is not closed");
        take();
    }

    void read_double_quoted(std::string& word) {
        const auto place = here();
        take();
        while (!at_end() && peek() != '"') {
            const bool escapes = peek() == '\\' && string_view("$`\"\\\n").find(peek(1)) != string_view::npos;
            if (escapes && at_ + 1 < text_.size()) {
                take();
                const char c = take();
                if (c != '\n') word += c;
            } else {
                word += take();
            }
        }
        if (at_end()) return fail(place, "this quote is not closed");
        take();
    }

    string_view text_, file_;
    std::size_t at_ = 0, line_start_ = 0;
    unsigned line_ = 1;
    bool failed_ = false;
    std::string message_;
    std::vector<Command> commands_;
};

/// Characters that no shell and no file reads as anything but themselves.
bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           string_view("_./:=,+@%^-").find(c) != string_view::npos;
}

}  // namespace

Place Command::place(int column) const {
    if (column <= 0) return places.empty() ? end : places.front();
    const auto columns = command::columns_of(words);
    for (std::size_t i = 0; i < words.size(); ++i)
        if (column < columns[i + 1]) return places[i];
    return end;
}

Place Command::input_place(unsigned line, int column, string_view text) const {
    const Place place{input_line + line - 1, static_cast<unsigned>(std::max(column, 1))};
    const auto as_read = line_of(*input, line), as_written = line_of(text, place.line);
    const auto stripped = as_written.size() - std::min(as_read.size(), as_written.size());
    // tabs at its beginning, or a carriage return at its end
    const auto tabs = std::min(as_written.find_first_not_of('\t'), stripped);
    return {place.line, place.column + static_cast<unsigned>(tabs)};
}

Result<std::vector<Command>> read(string_view text, string_view file) {
    return Reader(text, file).run();
}

std::string quote(string_view word) {
    if (word == "!" || (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)))
        return std::string(word);
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'')
            quoted += "'\\''";
        else
            quoted += c;
    }
    return quoted + "'";
}

std::string quote(const std::vector<std::string>& words) {
    std::string line;
    for (const auto& word : words) {
        if (!line.empty()) line += ' ';
        line += quote(word);
    }
    return line;
}

}  // namespace weft::config
