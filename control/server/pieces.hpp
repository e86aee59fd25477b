// An answer that is too long to be made at once.
#pragma once

#include <string>
#include <vector>

namespace weft {

/// Made by and by on the server's thread, in between of other work, as fast as the client reads.
class Pieces {
  public:
    virtual ~Pieces() = default;
    /// Appends what comes next of the text (or of the JSON that is the answer's data), some hundred kilobytes
    /// or a millisecond's work; false if that was the end.
    virtual bool next(std::string& to) = 0;

    // Valid after the end.
    int exit = 0;
    std::vector<std::string> warnings;  ///< for stderr
};

}  // namespace weft
