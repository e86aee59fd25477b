#include "control/cli/shell.hpp"

#include <editline/readline.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>
#include <string>

#include "control/cli/candidates.hpp"
#include "control/config/file.hpp"

namespace weft::cli {

namespace {

constexpr const char* prompt = "weft> ";
constexpr int history_lines = 1000;

std::vector<std::string> candidates_;
const Client* client_ = nullptr;  // libedit's functions take no argument of ours

char* next_candidate(const char*, int state) {
    const auto index = static_cast<std::size_t>(state);
    return index < candidates_.size() ? strdup(candidates_[index].c_str()) : nullptr;
}

/// The words of what is typed up to a place of the line, the last of them unfinished.
std::optional<std::vector<std::string>> words_before(int end, const char* partial) {
    const auto before = config::read(std::string_view(rl_line_buffer, static_cast<std::size_t>(end)), "");
    if (!before) return std::nullopt;
    std::vector<std::string> words;
    if (!before->empty()) words = before->back().words;
    words.emplace_back(partial);
    return words;
}

/// "?": the commands that begin as the line does, and then the line again. Within quotes it is a character.
int show_help(int, int) {
    const auto words = words_before(rl_point, "");
    if (!words) return rl_insert(1, '?');
    fmt::print("\n");
    std::fflush(stdout);
    client_->help({words->begin(), words->end() - 1});
    rl_on_new_line();
    rl_forced_update_display();
    return 0;
}

/// libedit asks for the word between `start` and `end` of its line buffer.
char** complete(const char* partial, int start, int) {
    rl_attempted_completion_over = 1;  // file names are no fallback
    const auto words = words_before(start, partial);
    if (!words) return nullptr;
    candidates_ = candidates(*words, [] { return client_->link_names(); });
    return candidates_.empty() ? nullptr : rl_completion_matches(partial, next_candidate);
}

/// The line editor and its history file, for as long as the shell runs.
class Editor {
  public:
    explicit Editor(const Client& client) {
        client_ = &client;
        if (const char* home = std::getenv("HOME")) history_file_ = std::string(home) + "/.weft_history";
        rl_readline_name = "weft";
        rl_attempted_completion_function = complete;
        rl_initialize();
        rl_add_defun("weft-help", show_help, '?');
        using_history();
        stifle_history(history_lines);
        if (!history_file_.empty()) read_history(history_file_.c_str());
    }
    Editor(const Editor&) = delete;
    Editor& operator=(const Editor&) = delete;
    ~Editor() {
        if (history_file_.empty() || history_length == 0) return;
        const auto mask = umask(0077);
        write_history(history_file_.c_str());
        umask(mask);
    }

    static std::optional<std::string> read() {
        char* line = readline(prompt);
        if (line == nullptr) {
            fmt::print("\n");
            return std::nullopt;
        }
        std::string text(line);
        std::free(line);
        if (text.find_first_not_of(" \t") != std::string::npos) add_history(text.c_str());
        return text;
    }

  private:
    std::string history_file_;
};

std::optional<std::string> read_plain() {
    std::string line;
    return std::getline(std::cin, line) ? std::optional(line) : std::nullopt;
}

/// Whether the text is the beginning of a command that goes on in the next line.
bool unfinished(const Error& error) {
    for (const auto* reason :
         {"this quote is not closed", "ends in a joined line", "ends inside this here-document"})
        if (error.message.find(reason) != std::string::npos) return true;
    return false;
}

int run_command(const Client& client, const config::Command& command) {
    const auto& words = command.words;
    if (words.back() == "?") return client.help({words.begin(), words.end() - 1});
    if (words.front() == "help") return client.help({words.begin() + 1, words.end()});
    return client.run(command.words, command.input);
}

// Ctrl-C ends a stream, not the shell: the read that waits for it is interrupted.
void interrupted(int) {}

}  // namespace

int run_shell(const Client& client) {
    std::optional<Editor> editor;
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) editor.emplace(client);
    struct sigaction action {};
    action.sa_handler = interrupted;
    if (editor) sigaction(SIGINT, &action, nullptr);
    int status = 0;
    std::string text;
    while (true) {
        const auto line = editor ? Editor::read() : read_plain();
        if (!line && text.empty()) return status;
        if (line) text += *line + '\n';
        const auto commands = config::read(text, "standard input");
        if (!commands && line && unfinished(commands.error())) continue;
        text.clear();
        if (!commands) {
            fmt::print(stderr, "{}", commands.error().message);
            status = static_cast<int>(commands.error().code);
            continue;
        }
        for (const auto& command : *commands) {
            if (command.words.front() == "exit" || command.words.front() == "quit") return status;
            if (const int failed = run_command(client, command); failed != 0) status = failed;
        }
    }
}

}  // namespace weft::cli
