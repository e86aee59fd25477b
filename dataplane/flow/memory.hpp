// Zeroed memory for big tables: reserved at once, there when touched, in huge pages where the kernel gives
// them.
#pragma once

#include <cstddef>
#include <utility>

namespace weft {

/// Owns its pages. Starts at a huge page's start.
class FlowMemory {
  public:
    /// Aborts after one sentence on stderr if the address space cannot be had.
    explicit FlowMemory(std::size_t bytes) noexcept;
    ~FlowMemory();
    FlowMemory(FlowMemory&& other) noexcept
        : start_(std::exchange(other.start_, nullptr)), bytes_(other.bytes_) {}
    FlowMemory& operator=(FlowMemory&&) = delete;

    template <class T>
    [[nodiscard]] T* as() const noexcept {
        return static_cast<T*>(start_);
    }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    /// Has all of it there now (Linux 5.14; before, it does nothing). Any thread.
    void populate() const noexcept;

  private:
    void* start_;
    std::size_t bytes_;
};

}  // namespace weft
