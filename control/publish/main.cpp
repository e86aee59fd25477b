// weftd: options, start in the right order, the event loop, the end.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <list>
#include <optional>
#include <utility>

#include "control/kernel/descriptor.hpp"
#include "control/kernel/device_lock.hpp"
#include "control/kernel/leftover_routing.hpp"
#include "control/publish/daemon.hpp"
#include "control/publish/log.hpp"
#include "control/publish/options.hpp"
#include "control/server/server.hpp"
#include "dataplane/dpdk/eal.hpp"

namespace weft {
namespace {

namespace asio = boost::asio;

constexpr const char* default_config = "/etc/weft/weft.conf";
constexpr unsigned memory_mb = 128;  // packet buffers and what drivers want

// One of the exit statuses of weftd (README, "Exit codes").
enum Exit { ended = 0, bad_command_line = 1, configuration_refused = 2, cannot_start = 3 };

int fail(Exit status, const std::string& sentence) {
    log_line(sentence);
    return status;
}

/// What the event loop calls: whatever it throws is a line in the log, and the loop goes on.
template <class Work>
void guarded(const char* what, Work work) noexcept {
    try {
        work();
    } catch (const std::exception& error) {
        log_line(fmt::format("{}: internal error: {}", what, error.what()));
    }
}

/// systemd's readiness protocol (sd_notify(3)), without its library.
void notify_ready() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (!path || (path[0] != '/' && path[0] != '@')) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string_view text = path;
    if (text.size() >= sizeof address.sun_path) return;
    text.copy(address.sun_path, text.size());
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    static constexpr std::string_view ready = "READY=1";
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
    static_cast<void>(
        sendto(descriptor, ready.data(), ready.size(), 0, reinterpret_cast<sockaddr*>(&address), length));
    close(descriptor);
}

/// The file's text; nullopt and errno if it cannot be read.
std::optional<std::string> read_file(const std::string& path) {
    const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) return std::nullopt;
    std::string text;
    char piece[65536];
    ssize_t got;
    while ((got = read(file.get(), piece, sizeof piece)) != 0) {
        if (got > 0)
            text.append(piece, static_cast<std::size_t>(got));
        else if (errno != EINTR)
            return std::nullopt;
    }
    return text;
}

class PidFile {
  public:
    /// None for an empty path.
    static Result<PidFile> write(const std::string& path) {
        if (path.empty()) return PidFile(std::string{});
        const Descriptor file{open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
        const std::string text = fmt::format("{}\n", getpid());
        if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            return refuse(
                fmt::format("{}: {}; name a file that can be written by --pidfile", path, strerror(errno)));
        return PidFile(path);
    }
    PidFile(PidFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    ~PidFile() {
        if (!path_.empty()) unlink(path_.c_str());
    }
    PidFile(const PidFile&) = delete;
    PidFile& operator=(const PidFile&) = delete;

  private:
    explicit PidFile(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

int clean(const DaemonOptions& options) {
    auto host = Netns::current();
    if (!host) return fail(cannot_start, host.error().message);
    auto taps = Netns::open(options.netns);
    if (!taps) return fail(cannot_start, taps.error().message);
    auto host_netlink = Netlink::open(*host);
    if (!host_netlink) return fail(cannot_start, host_netlink.error().message);
    auto tap_netlink = Netlink::open(*taps);
    if (!tap_netlink) return fail(cannot_start, tap_netlink.error().message);
    auto devices = undo_leftover_captures(*host, *host_netlink, options.socket);
    if (!devices) return fail(cannot_start, devices.error().message);
    for (const auto& device : *devices)
        log_line(device + ": given back");
    auto names = remove_leftover_taps(*taps, *tap_netlink, options.socket);
    if (!names) return fail(cannot_start, names.error().message);
    for (const auto& name : *names)
        log_line(name + ": removed");
    for (const auto& name : remove_leftover_taps_elsewhere(*taps, options.socket))
        log_line(name + ": removed");
    const auto routing = remove_leftover_routing(*tap_netlink);
    if (!routing) return fail(cannot_start, routing.error().message);
    if (*routing) log_line(fmt::format("{} routes, rules and next hops removed", *routing));
    return ended;
}

/// What runs: ends with the event loop.
class Process {
  public:
    Process(asio::io_context& io, const DaemonOptions& options, Switch& live)
        : options_(options),
          live_(live),
          io_(io),
          daemon_(io, live, [&io] { io.stop(); }),
          hangup_(io, SIGHUP),
          ticks_(io) {}

    Daemon& daemon() { return daemon_; }

    Result<> configure() {
        const std::string path = options_.config.empty() ? default_config : options_.config;
        const auto text = read_file(path);
        if (!text && (errno != ENOENT || !options_.config.empty()))
            return refuse(
                fmt::format("{}: {}; name a file that can be read by --config", path, strerror(errno)));
        if (!text) return {};
        return daemon_.apply_text(*text, path);
    }

    void run() {
        wait_for_hangup();
        tick();
        for (const int descriptor : live_.kernel_descriptors()) {
            kernel_.emplace_back(io_, dup(descriptor));
            wait_for_kernel(kernel_.back());
        }
        io_.run();
        kernel_.clear();
    }

  private:
    void wait_for_hangup() {
        hangup_.async_wait([this](const auto& error, int) {
            if (error) return;
            guarded("SIGHUP", [this] {
                if (auto done = configure(); done)
                    log_line("configuration applied");
                else
                    log_line("configuration refused, nothing changed: " + done.error().message);
            });
            wait_for_hangup();
        });
    }
    void tick() {
        ticks_.expires_after(std::chrono::milliseconds(Switch::tick_ms));
        ticks_.async_wait([this](const auto& error) {
            if (error) return;
            guarded("tick", [this] { live_.tick(); });
            tick();
        });
    }
    void wait_for_kernel(asio::posix::stream_descriptor& descriptor) {
        descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                              [this, &descriptor](const auto& error) {
                                  if (error) return;
                                  guarded("kernel event", [this] { live_.on_kernel_event(); });
                                  wait_for_kernel(descriptor);
                              });
    }

    const DaemonOptions& options_;
    Switch& live_;
    asio::io_context& io_;
    Daemon daemon_;
    asio::signal_set hangup_;
    asio::steady_timer ticks_;
    std::list<asio::posix::stream_descriptor> kernel_;
};

/// Each TAP, port and client is a descriptor: as many as the system lets this process have.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int run(const DaemonOptions& options) {
    raise_descriptor_limit();
    asio::io_context io(1);
    asio::signal_set ending(io, SIGTERM,
                            SIGINT);  // from here on: one that comes during the start ends it after
    ending.async_wait([&io](const auto& error, int) {
        if (!error) io.stop();
    });
    Process* process = nullptr;
    // The socket first: whoever holds it is the daemon of it, and only it may undo what a dead one left.
    auto server = server::Server::open(io, options.socket,
                                       [&](const server::Request& r) { return process->daemon().handle(r); });
    if (!server) return fail(cannot_start, server.error().message);
    // A file can be removed under a daemon that lives: this lock cannot.
    const auto lock = lock_socket(options.socket);
    if (!lock) return fail(cannot_start, lock.error().message);
    if (options.clean) return clean(options);
    const auto pidfile = PidFile::write(options.pidfile);
    if (!pidfile) return fail(cannot_start, pidfile.error().message);

    const auto eal = start_eal({.worker_cpus = options.workers,
                                .control_cpus = options.control,
                                .no_huge = options.no_huge,
                                .memory_mb = memory_mb,
                                .extra = options.eal});
    if (!eal) return fail(cannot_start, eal.error().message);
    int status = ended;
    {
        auto live = Switch::start({.socket = options.socket,
                                   .netns = options.netns,
                                   .worker_cpus = options.workers,
                                   .control_cpus = options.control,
                                   .poll = options.poll,
                                   .kernel = !options.no_kernel,
                                   .huge = eal->hugepages,
                                   .log = log_line,
                                   .log_of = log_line_of});
        if (!live) return fail(cannot_start, live.error().message);
        Process running(io, options, **live);
        process = &running;
        auto configured = running.configure();
        if (configured) configured = (*live)->remove_unclaimed();
        if (configured) {
            log_line(fmt::format("socket {}, workers on CPU {}, ready", options.socket,
                                 fmt::join(options.workers, ",")));
            notify_ready();
            running.run();
        } else {
            status = fail((*live)->lacks_device() ? cannot_start : configuration_refused,
                          configured.error().message);
        }
        server = refuse("ended");  // closes connections before what they speak of goes
    }
    stop_eal();
    return status;
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
    signal(SIGPIPE, SIG_IGN);
    const auto options = weft::parse_daemon_options(argc, argv);
    if (!options) return weft::fail(weft::bad_command_line, options.error().message + "; see weftd --help");
    if (options->help) {
        fmt::print("{}", weft::daemon_usage());
        return 0;
    }
    if (options->manual) {
        fmt::print("{}", weft::daemon_manual());
        return 0;
    }
    if (options->version) {
        fmt::print("weftd {}\n", WEFT_VERSION);
        return 0;
    }
    if (geteuid() != 0)
        return weft::fail(weft::cannot_start,
                          "must be started as root: it makes network devices and locks memory");
    try {
        return weft::run(*options);
    } catch (const std::exception& e) {
        return weft::fail(weft::cannot_start, e.what());
    }
}
