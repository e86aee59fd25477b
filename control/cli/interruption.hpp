// SIGINT and SIGTERM end a stream rather than the program.
#pragma once

#include <csignal>

namespace weft::cli {

/// While it lives, either signal ends what is read from a socket: the read that waits, or the next one. One
/// at a time.
class Interruption {
  public:
    explicit Interruption(int socket);
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

    /// Whether a signal came, to the one that lives or the last.
    [[nodiscard]] static bool happened() noexcept;

  private:
    struct sigaction former_[2]{};
};

}  // namespace weft::cli
