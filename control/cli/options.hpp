// What the client was called to do: its name, its own options, its environment.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "weft/result.hpp"

namespace weft::cli {

struct Options {
    enum class Mode { words, file, check_offline, shell, help, version, complete, manual };
    Mode mode = Mode::words;
    std::string socket;  ///< chosen by the contract's order
    bool json = false;
    bool as_program = false;         ///< called by a Linux program's name
    std::string file;                ///< of -f and -c, "-" is standard input; the page of --man
    std::vector<std::string> words;  ///< the command, or what help or completion is asked for
};

/// Linux programs that weft is when called by their names, in the order of the compat directory.
[[nodiscard]] std::span<const std::string_view> compat_names() noexcept;

/// Reads the command line. `weft_socket` is the environment's WEFT_SOCKET, or empty. Called by a Linux
/// program's name, that name is the first word and no option is weft's, but `ip -n NETNS` chooses the socket
/// as weft's -n. Errors: usage, with the column in `arguments` joined by blanks, the program's name not
/// counted.
[[nodiscard]] Result<Options> parse_options(const std::string& called_as,
                                            std::span<const std::string> arguments,
                                            const std::string& weft_socket);

/// The text of `weft --help`.
[[nodiscard]] std::string usage();

}  // namespace weft::cli
