#include "dataplane/flow/memory.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace weft {

FlowMemory::FlowMemory(std::size_t bytes) noexcept : bytes_((bytes + 4095) & ~std::size_t{4095}) {
    constexpr std::size_t huge_page = std::size_t{2} << 20;
    const std::size_t with_slack = bytes_ + huge_page;
    void* raw =
        mmap(nullptr, with_slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) {
        std::fprintf(stderr,
                     "conntrack: cannot reserve %zu MiB of address space: %s; ask for a smaller table\n",
                     with_slack >> 20, std::strerror(errno));
        std::abort();
    }
    const auto start = reinterpret_cast<std::uintptr_t>(raw);
    const auto aligned = (start + huge_page - 1) & ~(huge_page - 1);
    if (aligned > start) munmap(raw, aligned - start);
    if (aligned + bytes_ < start + with_slack)
        munmap(reinterpret_cast<void*>(aligned + bytes_), start + with_slack - aligned - bytes_);
    start_ = reinterpret_cast<void*>(aligned);
    madvise(start_, bytes_, MADV_HUGEPAGE);  // only speed depends on it
}

void FlowMemory::populate() const noexcept {
    static_cast<void>(madvise(start_, bytes_, MADV_POPULATE_WRITE));
}

FlowMemory::~FlowMemory() {
    if (start_) munmap(start_, bytes_);
}

}  // namespace weft
