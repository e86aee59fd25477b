// Where to go on looking for a port, of one worker: for an outside address and a remote endpoint of whose
// ports a whole search has found none free. Searches that follow begin where the last one ended, so each port
// is looked at again before long, however few each of them looks at.
#pragma once

#include <array>
#include <cstdint>

namespace weft {

class PortHints {
  public:
    struct Hint {
        std::uint64_t key = 0;     ///< 0: none
        std::uint32_t offset = 0;  ///< in the range: the next port to look at
        std::uint32_t missed = 0;  ///< ports looked at in vain until now
    };

    /// Of this key, not 0; null if searches for it do not fail.
    [[nodiscard]] Hint* find(std::uint64_t key) noexcept {
        Hint& hint = at(key);
        return hint.key == key ? &hint : nullptr;
    }
    /// Whether there are any: few have to ask.
    [[nodiscard]] bool some() const noexcept { return count_ != 0; }
    /// After a search in vain. Another key's hint may go for it.
    void miss(std::uint64_t key, std::uint32_t offset, std::uint32_t looked_at) noexcept {
        Hint& hint = at(key);
        if (hint.key != key) {
            count_ += hint.key == 0;
            hint = {.key = key};
        }
        hint.offset = offset;
        hint.missed = hint.missed > most ? hint.missed : hint.missed + looked_at;
    }
    void forget(std::uint64_t key) noexcept {
        Hint& hint = at(key);
        if (hint.key != key) return;
        hint = {};
        --count_;
    }

  private:
    static constexpr std::uint32_t most = 1U << 24;
    [[nodiscard]] Hint& at(std::uint64_t key) noexcept { return hints_[key >> 32 & (hints_.size() - 1)]; }
    std::array<Hint, 64> hints_{};
    unsigned count_ = 0;
};

}  // namespace weft
