#include "dataplane/dpdk/eal.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace weft {

namespace {

/// Writes DPDK's log to stderr, one "dpdk: " a line. EAL's own stream would send it to syslog as well.
ssize_t log_write(void*, const char* text, std::size_t size) {
    std::string out;
    for (std::string_view rest{text, size}; !rest.empty();) {
        const auto line = rest.substr(0, rest.find('\n'));
        out.append("dpdk: ").append(line).push_back('\n');
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    // A reader who stopped stops nobody here: what finds no room is lost.
    pollfd room{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    for (std::size_t at = 0; at < out.size() && poll(&room, 1, 0) == 1 && (room.revents & POLLOUT);) {
        const auto n =
            write(STDERR_FILENO, out.data() + at, std::min<std::size_t>(out.size() - at, PIPE_BUF));
        if (n <= 0) break;
        at += static_cast<std::size_t>(n);
    }
    return static_cast<ssize_t>(size);
}

FILE* log_stream() {
    cookie_io_functions_t functions{};
    functions.write = log_write;
    FILE* stream = fopencookie(nullptr, "w", functions);
    if (stream) setvbuf(stream, nullptr, _IOLBF, 4096);
    return stream;
}

/// Free memory in hugepages of any size, in MiB.
std::size_t free_hugepage_mb() {
    std::size_t total = 0;
    std::error_code error;
    for (const auto& size : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
        constexpr std::string_view prefix = "hugepages-";
        const std::string directory = size.path().filename();
        if (!directory.starts_with(prefix)) continue;
        const auto kilobytes = std::strtoull(directory.c_str() + prefix.size(), nullptr, 10);
        std::size_t pages = 0;
        std::ifstream{size.path() / "free_hugepages"} >> pages;
        total += pages * kilobytes / 1024;
    }
    return total;
}

bool names_devices(const std::vector<std::string>& extra) {
    return std::any_of(extra.begin(), extra.end(), [](const std::string& word) {
        return word.starts_with("-a") || word.starts_with("-b") || word.starts_with("--allow") ||
               word.starts_with("--block") || word == "--no-pci";
    });
}

std::string cpu_set(const std::vector<unsigned>& cpus) {
    std::string text;
    for (const auto cpu : cpus)
        text += fmt::format("{}{}", text.empty() ? "" : ",", cpu);
    return text;
}

}  // namespace

std::vector<std::string> eal_arguments(const EalOptions& options, bool hugepages) {
    const auto& main =
        options.control_cpus.empty() ? std::vector{options.worker_cpus.at(0)} : options.control_cpus;
    std::string lcores = fmt::format("0@({})", cpu_set(main));
    for (std::size_t i = 0; i < options.worker_cpus.size(); ++i)
        lcores += fmt::format(",{}@{}", i + 1, options.worker_cpus[i]);

    std::vector<std::string> words{"weftd",
                                   "--lcores",
                                   lcores,
                                   "--main-lcore",
                                   "0",
                                   "--no-shconf",
                                   "--no-telemetry",
                                   "--file-prefix",
                                   fmt::format("weft-{}", getpid()),
                                   "--log-level",
                                   "*:warning"};
    if (hugepages) {
        words.push_back("--in-memory");
    } else {
        words.push_back("--no-huge");
        words.insert(words.end(), {"-m", std::to_string(options.memory_mb)});
    }
    // An allow list that names no NIC: otherwise EAL takes every device bound to VFIO, asked or not.
    if (!names_devices(options.extra)) words.insert(words.end(), {"-a", "0000:00:00.0"});
    words.insert(words.end(), options.extra.begin(), options.extra.end());
    return words;
}

Result<EalStarted> start_eal(const EalOptions& options) {
    if (options.worker_cpus.empty()) return refuse("no worker CPU given: --workers needs at least one");
    bool hugepages = false;
    if (!options.no_huge) {
        const auto free_mb = free_hugepage_mb();
        hugepages = free_mb >= options.memory_mb;
        if (!hugepages)
            std::fputs(fmt::format("hugepages: {} MB free, {} MB wanted: running on ordinary pages\n",
                                   free_mb, options.memory_mb)
                           .c_str(),
                       stderr);  // not fmt::print, which throws when nobody reads it
    }
    if (FILE* stream = log_stream()) rte_openlog_stream(stream);

    auto words = eal_arguments(options, hugepages);
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    const bool started = rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
    // Nothing is kept in it without shared configuration, and a killed process could not remove it.
    rmdir(rte_eal_get_runtime_dir());
    if (!started)
        return Error{ErrorCode::unreachable,
                     fmt::format("DPDK does not start: {} (see the lines above; options given: {})",
                                 rte_strerror(rte_errno), fmt::join(options.extra, " "))};
    return EalStarted{hugepages};
}

void stop_eal() {
    rte_eal_cleanup();
}

}  // namespace weft
