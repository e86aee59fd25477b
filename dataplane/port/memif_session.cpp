#include "dataplane/port/memif_session.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/magic.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace weft::ports {

namespace {

std::byte* map_shared(const Fd& memory, std::uint64_t size) {
    void* base = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
    return base == MAP_FAILED ? nullptr : static_cast<std::byte*>(base);
}

}  // namespace

Result<MemifRegion> MemifRegion::map(Fd memory, std::uint64_t size) {
    struct stat status {};
    struct statfs system {};
    if (!memory || fstat(memory.get(), &status) != 0 || fstatfs(memory.get(), &system) != 0)
        return refuse("a region came without its memory");
    // Pages of hugetlbfs can be punched out and then be missing for good.
    const int seals = fcntl(memory.get(), F_GET_SEALS);
    if (system.f_type != TMPFS_MAGIC || seals < 0 || !(seals & F_SEAL_SHRINK))
        return refuse(
            "its memory is no memfd of ordinary pages sealed against shrinking (zero-copy cannot be)");
    if (size == 0 || static_cast<std::uint64_t>(status.st_size) < size)
        return refuse(fmt::format("a region of {} bytes is said to have {}", status.st_size, size));
    std::byte* base = map_shared(memory, size);
    if (!base) return refuse(fmt::format("its memory cannot be mapped: {}", std::strerror(errno)));
    return MemifRegion{Fd{}, base, size};
}

Result<MemifRegion> MemifRegion::make(std::uint64_t size) {
    Fd memory{memfd_create("memif", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!memory || ftruncate(memory.get(), static_cast<off_t>(size)) != 0 ||
        fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return refuse(fmt::format("no {} bytes of shared memory: {}", size, std::strerror(errno)));
    std::byte* base = map_shared(memory, size);
    if (!base) return refuse(fmt::format("no {} bytes of shared memory: {}", size, std::strerror(errno)));
    return MemifRegion{std::move(memory), base, size};
}

MemifRegion::~MemifRegion() {
    if (base_) munmap(base_, size_);
}

Result<MemifSession> MemifSession::make(std::uint16_t c2s, std::uint16_t s2c, std::uint8_t log2) {
    const std::uint64_t rings = std::uint64_t{c2s} + s2c;
    auto region = MemifRegion::make(rings * (memif::ring_bytes(log2) + (memif::buffer_size << log2)));
    if (!region) return std::move(region).error();
    MemifSession session;
    for (std::uint16_t i = 0; i < rings; ++i) {
        MemifRingPlace place;
        place.c2s = i < c2s;
        place.index = static_cast<std::uint16_t>(place.c2s ? i : i - c2s);
        place.offset = static_cast<std::uint32_t>(i * memif::ring_bytes(log2));
        place.log2 = log2;
        place.event = Fd{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
        if (!place.event) return refuse(fmt::format("no eventfd: {}", std::strerror(errno)));
        auto& head = *reinterpret_cast<memif::RingHead*>(region->base() + place.offset);
        head.cookie = memif::cookie;
        head.flags = memif::ring_masks_interrupts;
        session.rings.push_back(std::move(place));
    }
    session.regions.push_back(*std::move(region));
    return session;
}

Result<> check_event(const Fd& event) {
    if (!event) return refuse("a ring came without its interrupt");
    std::array<char, 64> target{};
    const auto link = fmt::format("/proc/self/fd/{}", event.get());
    const auto length = readlink(link.c_str(), target.data(), target.size());
    if (length < 0 ||
        std::string_view{target.data(), static_cast<std::size_t>(length)} != "anon_inode:[eventfd]")
        return refuse("a ring's interrupt is no eventfd");
    return {};
}

}  // namespace weft::ports
