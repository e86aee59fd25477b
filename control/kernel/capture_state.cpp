#include "control/kernel/capture_state.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "control/kernel/descriptor.hpp"

namespace weft {

Result<std::vector<CaptureRecord>> read_captures(const std::string& path) {
    std::vector<CaptureRecord> records;
    std::ifstream file(path);
    if (!file) {
        if (errno == ENOENT) return records;
        return refuse(fmt::format("{}: {}", path, std::strerror(errno)));
    }
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        CaptureRecord r;
        std::string kind, mac;
        if (!(words >> kind >> r.device >> r.index >> r.netns >> r.up >> r.noarp >> r.disable_ipv6) ||
            kind != "captured")
            continue;
        if (words >> r.mtu >> mac)
            if (const auto address = parse_mac(mac)) r.mac = *address;
        words >> r.promiscuous;
        records.push_back(std::move(r));
    }
    return records;
}

Result<> write_captures(const std::string& path, const std::vector<CaptureRecord>& records) {
    if (records.empty()) {
        if (unlink(path.c_str()) != 0 && errno != ENOENT)
            return refuse(fmt::format("{}: {}", path, std::strerror(errno)));
        return {};
    }
    std::string text;
    for (const auto& r : records)
        text += fmt::format("captured {} {} {} {:d} {:d} {} {} {} {:d}\n", r.device, r.index, r.netns, r.up,
                            r.noarp, r.disable_ipv6, r.mtu, to_string(r.mac), r.promiscuous);
    const auto next = path + ".new";
    // O_EXCL after unlink: never through a link that somebody placed there.
    unlink(next.c_str());
    const Descriptor file{open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        rename(next.c_str(), path.c_str()) != 0) {
        const int error = errno;
        unlink(next.c_str());
        return refuse(fmt::format("{}: {}", path, std::strerror(error)));
    }
    return {};
}

}  // namespace weft
