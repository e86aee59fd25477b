// EAL's memory on transparent huge pages. Without hugepages it is of 4 KiB ones, while weft's own tables ask
// for transparent huge ones; so that both have the same, anonymous memory that asks for them takes its place.
#pragma once

#include <rte_memory.h>
#include <sys/mman.h>

#include <algorithm>
#include <vector>

namespace weft::perf {

/// For rte_memseg_list_walk().
inline int onto_transparent_huge_pages(const rte_memseg_list* list, void*) {
    const std::vector<char> content(static_cast<char*>(list->base_va),
                                    static_cast<char*>(list->base_va) + list->len);
    void* memory = mmap(list->base_va, list->len, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (memory == MAP_FAILED) return -1;
    madvise(memory, list->len, MADV_HUGEPAGE);
    std::copy(content.begin(), content.end(), static_cast<char*>(memory));
    return 0;
}

}  // namespace weft::perf
