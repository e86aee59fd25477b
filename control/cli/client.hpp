// Carries out one line: reads its file, asks the daemon, prints, gives the exit status.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/cli/candidates.hpp"
#include "control/command/grammar.hpp"
#include "weft/result.hpp"

namespace weft::cli {

class Client {
  public:
    /// `as_program`: says no more than the Linux program by whose name it is called.
    Client(std::string socket, bool json, bool as_program = false)
        : socket_(std::move(socket)), json_(json), as_program_(as_program) {}

    /// One command. Results to standard output, messages to standard error. Returns the exit status. Without
    /// `input`, a command that takes one reads standard input.
    int run(const std::vector<std::string>& words, std::optional<std::string> input = std::nullopt) const;
    /// `-f FILE`: the lines of a file as one transaction.
    int run_file(const std::string& file) const;

    /// The running switch's links; none if it does not answer.
    [[nodiscard]] std::vector<LinkName> link_names() const;

    /// `weft help WORDS` and "?": what help_text() has. Returns the exit status.
    int help(const std::vector<std::string>& words) const;

    /// Prints an error as the program of these words does: for weft's own, the line and a caret below it.
    static int complain(std::span<const std::string> words, const Error& error, int status);

  private:
    int explain_file(const std::vector<std::string>& words, const command::Match& match) const;
    int ask(const std::vector<std::string>& words, std::vector<std::string> argv,
            std::optional<std::string> input, const std::string& save_to) const;

    std::string socket_;
    bool json_, as_program_;
};

}  // namespace weft::cli
