#include <fmt/core.h>
#include <pcap/pcap.h>

#include <cerrno>
#include <cstring>

#include "dataplane/port/open.hpp"
#include "dataplane/port/pcap.hpp"

namespace weft {
namespace ports {

namespace {

constexpr std::size_t max_capture_bytes = std::size_t{1} << 30;

Result<Capture> read_capture(const std::string& port, const std::string& path) {
    char message[PCAP_ERRBUF_SIZE] = "";
    const std::unique_ptr<pcap_t, void (*)(pcap_t*)> file{pcap_open_offline(path.c_str(), message),
                                                          pcap_close};
    if (!file) return refuse(fmt::format("port {}: cannot read {}: {}", port, path, message));
    if (pcap_datalink(file.get()) != DLT_EN10MB)
        return refuse(fmt::format("port {}: {} does not hold Ethernet frames but {}", port, path,
                                  pcap_datalink_val_to_description_or_dlt(pcap_datalink(file.get()))));
    Capture capture;
    pcap_pkthdr* header = nullptr;
    const u_char* bytes = nullptr;
    int more;
    while ((more = pcap_next_ex(file.get(), &header, &bytes)) == 1) {
        capture.frames.push_back({capture.bytes.size(), header->len, header->caplen});
        capture.bytes.insert(capture.bytes.end(), bytes, bytes + header->caplen);
        if (capture.bytes.size() > max_capture_bytes)
            return refuse(fmt::format("port {}: {} holds more than 1 GiB of frames: split it (editcap -c)",
                                      port, path));
    }
    if (more == PCAP_ERROR)
        return refuse(fmt::format("port {}: {}: {}", port, path, pcap_geterr(file.get())));
    return capture;
}

/// Writes the file's header as libpcap would.
Result<std::FILE*> start_capture(const std::string& port, const std::string& path) {
    const auto failed = [&] {
        return refuse(fmt::format("port {}: cannot write {}: {}", port, path, std::strerror(errno)));
    };
    std::FILE* file = std::fopen(path.c_str(), "wbe");
    if (!file) return failed();
    constexpr std::uint32_t snapshot = 262144;
    const pcap_file_header header{0xa1b2c3d4, PCAP_VERSION_MAJOR, PCAP_VERSION_MINOR, 0,
                                  0,          snapshot,           DLT_EN10MB};
    std::setvbuf(file, nullptr, _IOFBF, 1 << 20);
    if (std::fwrite(&header, sizeof header, 1, file) != 1 || std::fflush(file) != 0) {
        const auto error = failed();
        std::fclose(file);
        return error;
    }
    return file;
}

}  // namespace

Pcap::Pcap(std::string name, Capture capture, bool infinite, std::FILE* file, PortInfo info,
           rte_mempool* pool)
    : SoftwarePort(std::move(name), std::move(info)),
      capture_(std::move(capture)),
      infinite_(infinite),
      pool_(pool),
      file_(file) {
    info_.offloads = Offload::vlan_insert | Offload::multi_segment;
}

Pcap::~Pcap() = default;

PortInfo Pcap::info() {
    if (file_ && dirty_since_.exchange(0, std::memory_order_relaxed) != 0) std::fflush(file_.get());
    return info_;
}

Result<> Pcap::set_up(bool up) {
    up_.store(up, std::memory_order_relaxed);
    return SoftwarePort::set_up(up);
}

std::vector<std::pair<std::string, std::uint64_t>> Pcap::statistics() {
    Statistics all;
    append_receive(all, each(&received_, 1));
    append_transmit(all, each(&sent_, 1));
    return all;
}

}  // namespace ports

Result<std::unique_ptr<Port>> open_pcap(const std::string& name, const std::string& rx_file,
                                        const std::string& tx_file, bool infinite, const PortQueues& queues,
                                        const PortEnvironment& environment) {
    using namespace ports;
    PortEnvironment one_writer = environment;
    one_writer.workers = 1;
    auto info = software_port(name, "pcap", queues, one_writer, 1, 1);
    if (!info) return std::move(info).error();
    Capture capture;
    if (!rx_file.empty()) {
        auto read = read_capture(name, rx_file);
        if (!read) return std::move(read).error();
        capture = *std::move(read);
    }
    std::FILE* file = nullptr;
    if (!tx_file.empty()) {
        auto started = start_capture(name, tx_file);
        if (!started) return std::move(started).error();
        file = *started;
    }
    return std::unique_ptr<Port>{
        new Pcap(name, std::move(capture), infinite, file, *std::move(info), environment.pool)};
}

}  // namespace weft
