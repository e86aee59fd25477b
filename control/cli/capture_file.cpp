#include <fmt/format.h>
#include <pcap/pcap.h>

#include <memory>

#include "control/cli/files.hpp"

namespace weft::cli {

Result<std::vector<std::string>> read_capture(const std::string& path) {
    char why[PCAP_ERRBUF_SIZE] = "";
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(pcap_open_offline(path.c_str(), why),
                                                              pcap_close);
    // Of a file that cannot be opened libpcap says the name.
    const std::string_view said = why;
    if (!file) return refuse(said.starts_with(path) ? std::string(said) : fmt::format("{}: {}", path, said));
    if (pcap_datalink(file.get()) != DLT_EN10MB) return refuse(path + ": no Ethernet frames are in it");
    std::vector<std::string> frames;
    pcap_pkthdr* header = nullptr;
    const u_char* bytes = nullptr;
    int read = 0;
    while ((read = pcap_next_ex(file.get(), &header, &bytes)) == 1) {
        std::string digits;
        for (bpf_u_int32 i = 0; i < header->caplen; ++i)
            digits += fmt::format("{:02x}", bytes[i]);
        frames.push_back(std::move(digits));
    }
    if (read == PCAP_ERROR) return refuse(fmt::format("{}: {}", path, pcap_geterr(file.get())));
    return frames;
}

}  // namespace weft::cli
