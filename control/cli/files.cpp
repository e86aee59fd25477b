#include "control/cli/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace weft::cli {

namespace {

Error failed(const std::string& path) {
    return refuse(fmt::format("{}: {}", path, std::strerror(errno)));
}

Result<std::string> read_all(int descriptor, const std::string& path) {
    std::string text;
    std::array<char, 65536> chunk;
    while (true) {
        const auto got = read(descriptor, chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(path);
        if (got == 0) return text;
        text.append(chunk.data(), static_cast<std::size_t>(got));
    }
}

mode_t default_mode() {
    const auto mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

Result<> write_plainly(const std::string& path, std::string_view text) {
    const int descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return failed(path);
    Result<> done;
    if (!write_all(descriptor, text)) done = failed(path);
    if (close(descriptor) != 0 && done) done = failed(path);
    return done;
}

}  // namespace

bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto written = write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

Result<std::string> read_file(const std::string& path) {
    if (path == "-") return read_all(STDIN_FILENO, "standard input");
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return failed(path);
    auto text = read_all(descriptor, path);
    close(descriptor);
    return text;
}

Result<> write_file(const std::string& path, std::string_view text) {
    if (path == "-") return write_all(STDOUT_FILENO, text) ? Result<>{} : failed("standard output");
    struct stat status {};
    const bool exists = stat(path.c_str(), &status) == 0;
    if (exists && !S_ISREG(status.st_mode)) return write_plainly(path, text);
    // A link is followed: the file behind it is replaced.
    std::string target = path;
    if (char* real = realpath(path.c_str(), nullptr)) {
        target = real;
        std::free(real);
    }
    auto temporary = target + ".XXXXXX";
    const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
    if (descriptor < 0) return failed(path);
    bool done = write_all(descriptor, text) &&
                fchmod(descriptor, exists ? status.st_mode & 07777 : default_mode()) == 0;
    if (done && exists && fchown(descriptor, status.st_uid, status.st_gid) != 0) done = errno == EPERM;
    done = done && fsync(descriptor) == 0;
    done = close(descriptor) == 0 && done;
    if (done && rename(temporary.c_str(), target.c_str()) == 0) return {};
    auto error = failed(path);
    unlink(temporary.c_str());
    return error;
}

}  // namespace weft::cli
