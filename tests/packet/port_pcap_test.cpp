// Capture file ports.
#include <gtest/gtest.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/packet/port_bench.hpp"

namespace weft::test::port {
namespace {

/// A name for a file that is removed at the end.
struct TemporaryFile {
    std::string path = "/tmp/weft-pcap-XXXXXX";
    TemporaryFile() { close(mkstemp(path.data())); }
    ~TemporaryFile() { unlink(path.c_str()); }
};

void write_capture(const std::string& path, const std::vector<Bytes>& frames, int link = DLT_EN10MB,
                   std::uint32_t snapshot = 65536) {
    pcap_t* pcap = pcap_open_dead(link, 65536);
    pcap_dumper_t* out = pcap_dump_open(pcap, path.c_str());
    for (const auto& frame : frames) {
        const auto n = static_cast<std::uint32_t>(frame.size());
        const pcap_pkthdr header{{1, 0}, std::min(n, snapshot), n};
        pcap_dump(reinterpret_cast<u_char*>(out), &header, frame.data());
    }
    pcap_dump_close(out);
    pcap_close(pcap);
}

std::vector<Bytes> read_capture(const std::string& path) {
    char message[PCAP_ERRBUF_SIZE];
    pcap_t* pcap = pcap_open_offline(path.c_str(), message);
    std::vector<Bytes> frames;
    pcap_pkthdr* header;
    const u_char* bytes;
    while (pcap && pcap_next_ex(pcap, &header, &bytes) == 1) {
        EXPECT_EQ(header->caplen, header->len);
        frames.emplace_back(bytes, bytes + header->caplen);
    }
    if (pcap) pcap_close(pcap);
    return frames;
}

TEST(PortPcap, ReceivesTheFileOnceLongFramesInSegments) {
    TemporaryFile file;
    const std::vector<Bytes> frames{plain_frame(46), plain_frame(2034), plain_frame(2035), plain_frame(9000)};
    write_capture(file.path, frames);
    auto port = opened(open_pcap("p", file.path, "", false, {}, environment()));
    Burst burst;
    EXPECT_EQ(burst.receive(*port).count, 0) << "down";
    ASSERT_TRUE(port->set_up(true));
    ASSERT_EQ(burst.receive(*port).count, 4);
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(bytes_of(burst[i]), frames[i]);
        EXPECT_EQ(burst[i].length(), frames[i].size());
    }
    EXPECT_EQ(burst[1].nb_segs, 1);
    EXPECT_EQ(burst[2].nb_segs, 2);
    EXPECT_EQ(burst[0].meta.checksum, ChecksumState::unknown);
    EXPECT_EQ(burst.receive(*port).count, 0);
    EXPECT_EQ(statistic(*port, "rx_packets"), 4u);
}

TEST(PortPcap, InfiniteGoesRound) {
    TemporaryFile file;
    write_capture(file.path, {plain_frame(46), plain_frame(47), plain_frame(48)});
    auto port = opened(open_pcap("p", file.path, "", true, {}, environment()));
    ASSERT_TRUE(port->set_up(true));
    Burst burst;
    ASSERT_EQ(burst.receive(*port, 0, 64).count, 64);
    for (int i = 0; i < 64; ++i)
        EXPECT_EQ(burst[i].length(), 60u + i % 3);
    ASSERT_EQ(burst.receive(*port, 0, 1).count, 1);
    EXPECT_EQ(burst[0].length(), 61u);
}

TEST(PortPcap, FramesCutBySnapshotAreTruncated) {
    TemporaryFile file;
    write_capture(file.path, {plain_frame(46), plain_frame(200)}, DLT_EN10MB, 96);
    auto port = opened(open_pcap("p", file.path, "", false, {}, environment()));
    ASSERT_TRUE(port->set_up(true));
    Burst burst;
    EXPECT_EQ(burst.receive(*port).count, 1);
    EXPECT_EQ(burst.loss.truncated, 1u);
}

TEST(PortPcap, WaitsForBuffers) {
    TemporaryFile file;
    write_capture(file.path, {plain_frame(5000)});
    auto port = opened(open_pcap("p", file.path, "", false, {}, environment()));
    ASSERT_TRUE(port->set_up(true));
    std::vector<rte_mbuf*> all;
    while (rte_mbuf* m = rte_pktmbuf_alloc(pool()))
        all.push_back(m);
    rte_pktmbuf_free(all.back());
    all.pop_back();
    Burst burst;
    EXPECT_EQ(burst.receive(*port).count, 0);
    rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
    EXPECT_EQ(burst.receive(*port).count, 1);
    EXPECT_EQ(burst[0].length(), 5014u);
}

TEST(PortPcap, WritesWhatIsSentWithItsTag) {
    TemporaryFile file;
    auto port = opened(open_pcap("p", "", file.path, false, {}, environment(4)));
    EXPECT_EQ(port->info().tx_queues, 1);
    ASSERT_TRUE(port->set_up(true));
    const Bytes small = plain_frame(46), large = plain_frame(5000);
    Packet* stripped = pooled(small);
    stripped->meta.tag_place = TagPlace::stripped;
    stripped->meta.vlan_tpid = ether_type::service_vlan;
    stripped->meta.vlan_tci = 0x2008;
    Packet* sent[] = {pooled(small), pooled(large), stripped};
    ASSERT_EQ(port->transmit(0, sent, 3, lost), 3);
    (void)port->info();  // flushes
    EXPECT_EQ(read_capture(file.path), (std::vector{small, large, tagged(small, 0x88a8, 0x2008)}));

    Packet* more[] = {pooled(small)};
    ASSERT_EQ(port->transmit(0, more, 1, lost), 1);
    Burst burst;
    usleep(120'000);
    burst.receive(*port);  // flushes what is old enough
    EXPECT_EQ(read_capture(file.path).size(), 4u);
    Packet* last[] = {pooled(small)};
    ASSERT_EQ(port->transmit(0, last, 1, lost), 1);
    EXPECT_EQ(statistic(*port, "tx_packets"), 5u);
    port.reset();
    EXPECT_EQ(read_capture(file.path).size(), 5u);
}

TEST(PortPcap, FullDiskIsCounted) {
    auto port = opened(open_null("n", {}, environment()));
    auto full = open_pcap("p", "", "/dev/full", false, {}, environment());
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().message, "port p: cannot write /dev/full: No space left on device");
}

TEST(PortPcap, RefusesWithASentence) {
    const auto error = [](const std::string& rx, const std::string& tx, PortQueues queues = {}) {
        auto result = open_pcap("p", rx, tx, false, queues, environment());
        return result ? std::string{} : result.error().message;
    };
    TemporaryFile file;
    write_capture(file.path, {Bytes(40)}, DLT_RAW);
    EXPECT_EQ(error(file.path, ""), "port p: " + file.path + " does not hold Ethernet frames but Raw IP");
    EXPECT_EQ(error("/nonexistent/a.pcap", ""),
              "port p: cannot read /nonexistent/a.pcap: /nonexistent/a.pcap: No such file or directory");
    EXPECT_EQ(error("", "/nonexistent/a.pcap"),
              "port p: cannot write /nonexistent/a.pcap: No such file or directory");
    EXPECT_EQ(error("", "", {.rx = 2}), "port p: 2 receive queues asked, pcap has 1");
}

}  // namespace
}  // namespace weft::test::port
