// weft-bench's arithmetic, frames and command line.
#include <gtest/gtest.h>

#include <set>

#include "perf/weft-bench/figures.hpp"
#include "perf/weft-bench/flows.hpp"
#include "perf/weft-bench/options.hpp"

namespace weft::bench {
namespace {

TEST(Bench, PercentilesByNearestRank) {
    std::vector<int> values{15, 20, 35, 40, 50};
    EXPECT_EQ(percentile(values, 5), 15);
    EXPECT_EQ(percentile(values, 30), 20);
    EXPECT_EQ(percentile(values, 40), 20);
    EXPECT_EQ(percentile(values, 50), 35);
    EXPECT_EQ(percentile(values, 100), 50);
    EXPECT_EQ(percentile(values, 0), 15);
    std::vector<int> none;
    EXPECT_EQ(percentile(none, 50), 0);
    EXPECT_EQ(median(std::vector<int>{9, 1, 5}), 5);
}

TEST(Bench, SearchFindsTheRateOfAKnownSwitch) {
    // Forwards 3 Mpps; every third trial is disturbed, which the median leaves out.
    unsigned trials = 0;
    const auto trial = [&](double rate) {
        if (++trials % 3 == 0) return 0.5;
        return rate <= 3e6 ? 0.0 : 1 - 3e6 / rate;
    };
    const double found = partial_drop_rate({10e6, 0.005, 0.01, 3}, trial);
    EXPECT_GT(found, 2.9e6);
    EXPECT_LT(found, 3.02e6);
    EXPECT_EQ(partial_drop_rate({2e6, 0.005, 0.01, 3}, trial), 2e6);
    EXPECT_EQ(partial_drop_rate({1e6, 0.005, 0.01, 1}, [](double) { return 1.0; }), 0);
}

void expect_sums(const FlowConfig& config, std::uint32_t flow, std::uint64_t stamp) {
    const Flows flows{config};
    std::vector<std::byte> frame(flows.length());
    flows.write(frame.data(), flow, stamp);
    const std::size_t l3 = config.vid ? 18 : 14;
    const auto protocol = config.tcp ? ip_protocol::tcp : ip_protocol::udp;
    std::size_t l4;
    InternetSum sum;
    if (config.ipv6) {
        const auto& ip = *reinterpret_cast<const Ipv6Header*>(&frame[l3]);
        l4 = l3 + sizeof ip;
        ASSERT_EQ(ip.payload_length.host(), frame.size() - l4);
        sum = pseudo_header(ip, protocol, ip.payload_length.host());
    } else {
        const auto& ip = *reinterpret_cast<const Ipv4Header*>(&frame[l3]);
        l4 = l3 + sizeof ip;
        ASSERT_EQ(ip.total_length.host(), frame.size() - l3);
        EXPECT_EQ(ip.checksum, ipv4_checksum(ip));
        sum = pseudo_header(ip, protocol, static_cast<std::uint32_t>(frame.size() - l4));
    }
    sum.add(&frame[l4], frame.size() - l4);
    EXPECT_EQ(sum.checksum(), be16{0}) << "flow " << flow << " size " << config.size;
    EXPECT_EQ(Flows::stamp(frame.data(), flows.length()), stamp);
    EXPECT_TRUE(flows.ours(frame.data(), flows.length()));
    const auto answered = [&] {
        auto back = frame;
        flows.answer(back.data());
        EXPECT_EQ(std::memcmp(back.data(), frame.data() + 6, 6), 0);
        EXPECT_EQ(std::memcmp(back.data() + l4, frame.data() + l4 + 2, 2), 0);
        EXPECT_EQ(std::memcmp(back.data() + l4 - (config.ipv6 ? 16 : 4),
                              frame.data() + l4 - (config.ipv6 ? 32 : 8), config.ipv6 ? 16 : 4),
                  0);
        flows.answer(back.data());
        return back;
    };
    EXPECT_EQ(answered(), frame) << "an answer to an answer is the frame";
    flows.announce(frame.data(), flow);
    EXPECT_FALSE(flows.ours(frame.data(), flows.length()));
}

TEST(Bench, FramesOfEveryKindAreValid) {
    for (const bool ipv6 : {false, true})
        for (const bool tcp : {false, true})
            for (const std::uint16_t vid : {0, 7}) {
                FlowConfig config;
                config.ipv6 = ipv6;
                config.tcp = tcp;
                config.vid = vid;
                config.flows = 10'000'000;
                for (const unsigned size : {unsigned{Flows::least_size(config)}, 129u, 1518u, 9018u}) {
                    config.size = static_cast<std::uint16_t>(size);
                    for (const std::uint32_t flow : {0u, 1u, 64'001u, 9'999'999u})
                        for (const std::uint64_t stamp : {0ull, 0x0123456789abcdefull})
                            expect_sums(config, flow, stamp);
                }
            }
}

TEST(Bench, EveryFlowComesOnceInRandomOrder) {
    for (const std::uint32_t n : {1u, 2u, 3u, 1000u, 4096u}) {
        FlowConfig config;
        config.flows = n;
        config.shuffled = true;
        const Flows flows{config};
        std::set<std::uint32_t> seen;
        for (std::uint32_t i = 0; i < n; ++i)
            seen.insert(flows.at(i));
        EXPECT_EQ(seen.size(), n);
        EXPECT_EQ(*seen.rbegin(), n - 1);
    }
}

std::string complaint(std::vector<const char*> words) {
    words.insert(words.begin(), "weft-bench");
    const auto options = parse(static_cast<int>(words.size()), words.data());
    return options ? "" : options.error().message;
}

TEST(Bench, SaysWhatIsWrongInASentence) {
    EXPECT_EQ(complaint({"--tx", "net_null0"}), "");
    EXPECT_EQ(complaint({}), "--tx is missing: the port to send into, as DPDK names it");
    EXPECT_EQ(complaint({"--tx", "x", "--flows", "0"}), "--flows 0: give 1 to 10000000");
    EXPECT_EQ(complaint({"--tx", "x", "--size", "63"}),
              "--size 63: frames of this kind take 64 to 9018 bytes");
    EXPECT_EQ(complaint({"--tx", "x", "--ipv6", "--tcp"}),
              "--size 64: frames of this kind take 86 to 9018 bytes");
    EXPECT_EQ(complaint({"--tx", "x", "--vlan", "4095"}), "--vlan 4095: VLANs are 1 to 4094");
    EXPECT_EQ(complaint({"--tx", "x", "--vary", "colour"}),
              "--vary colour: \"colour\" is none of mac, ip, port");
    EXPECT_EQ(complaint({"--tx", "x", "--search", "200"}), "--search: give a loss between 0 and 100 percent");
    EXPECT_NE(complaint({"--tx", "x", "--colour"}), "");
    EXPECT_NE(complaint({"--tx", "x", "--rate", "fast"}), "");
    const char* words[] = {"weft-bench", "--help"};
    EXPECT_TRUE(parse(2, words)->help);
    EXPECT_NE(help().find("--search"), std::string::npos);
}

}  // namespace
}  // namespace weft::bench
