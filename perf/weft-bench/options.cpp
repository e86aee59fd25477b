#include "options.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <sstream>

namespace weft::bench {

namespace {

namespace po = boost::program_options;

/// First and last CPU this process may use: the generator's, and the one it is probably measured against.
std::pair<unsigned, unsigned> cpus() {
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    std::vector<unsigned> all;
    for (unsigned i = 0; i < CPU_SETSIZE; ++i)
        if (CPU_ISSET(i, &set)) all.push_back(i);
    return {all.front(), all.back()};
}

po::options_description description() {
    po::options_description all(
        "weft-bench: sends frames into one DPDK port, takes them from another and counts");
    const auto text = [] { return po::value<std::string>(); };
    all.add_options()("help,h", "this text")(
        "tx", text()->value_name("DEVARGS"),
        "port to send into, as DPDK names it: net_memif0,role=client,socket=/run/m0,socket-abstract=no")(
        "rx", text()->value_name("DEVARGS"), "port to receive from (default: the one that sends)")(
        "size", po::value<unsigned>()->default_value(64)->value_name("BYTES"),
        "frame size with FCS, up to 9018")(
        "flows", po::value<unsigned long>()->default_value(1)->value_name("N"), "1 to 10000000 flows")(
        "vary", text()->default_value("mac,ip,port")->value_name("LIST"), "what tells flows apart")(
        "vlan", text()->value_name("VID[+N]"), "tag frames with VID, or flows with VID to VID+N-1")(
        "ipv6", "instead of IPv4")("tcp", "instead of UDP")("random",
                                                            "flows in a fixed order that jumps about")(
        "prepare", text()->default_value("announce")->value_name("WORD"),
        "before the trials: announce the destinations to a switch, connect (each flow once, answered), "
        "nothing")("rate", po::value<double>()->default_value(0)->value_name("PPS"),
                   "packets a second; 0: as fast as it goes")(
        "seconds", po::value<double>()->default_value(5)->value_name("S"), "length of a trial")(
        "search", po::value<double>()->implicit_value(0.5)->value_name("PERCENT"),
        "find the highest rate that loses at most so much (0.5), by medians of three trials")(
        "rxq", po::value<unsigned>()->default_value(1)->value_name("N"),
        "receive queues, for a peer who sends by another one than the first")(
        "cpu", po::value<unsigned>()->value_name("N"), "CPU to run on (default: the lowest allowed)")(
        "json", "print JSON")("no-huge", "do not use hugepages");
    return all;
}

Result<> take_vary(const std::string& list, FlowConfig& flows) {
    flows.vary_mac = flows.vary_ip = flows.vary_port = false;
    for (std::size_t at = 0; at <= list.size();) {
        const auto end = std::min(list.find(',', at), list.size());
        const auto word = list.substr(at, end - at);
        if (word == "mac")
            flows.vary_mac = true;
        else if (word == "ip")
            flows.vary_ip = true;
        else if (word == "port")
            flows.vary_port = true;
        else
            return refuse(fmt::format("--vary {}: \"{}\" is none of mac, ip, port", list, word));
        at = end + 1;
    }
    return {};
}

Result<> take_vlan(const std::string& text, FlowConfig& flows) {
    unsigned vid = 0, count = 1;
    char rest;
    const int parts = std::sscanf(text.c_str(), "%u+%u%c", &vid, &count, &rest);
    if (parts < 1 || parts > 2 || vid < 1 || count < 1 || vid + count - 1 > 4094)
        return refuse(fmt::format("--vlan {}: VLANs are 1 to 4094", text));
    flows.vid = static_cast<std::uint16_t>(vid);
    flows.vlans = static_cast<std::uint16_t>(count);
    return {};
}

Result<> take_prepare(const std::string& word, Options& options) {
    if (word == "announce")
        options.prepare = Prepare::announce;
    else if (word == "nothing")
        options.prepare = Prepare::nothing;
    else if (word == "connect")
        options.prepare = Prepare::connect;
    else
        return refuse(fmt::format("--prepare {}: give announce, connect or nothing", word));
    if (options.prepare == Prepare::connect && options.flows.vid)
        return refuse("--prepare connect answers untagged frames: leave --vlan out");
    return {};
}

Result<Options> take(const po::variables_map& given) {
    Options options;
    options.help = given.count("help") != 0;
    if (options.help) return options;
    if (!given.count("tx")) return refuse("--tx is missing: the port to send into, as DPDK names it");
    options.tx = given["tx"].as<std::string>();
    if (given.count("rx")) options.rx = given["rx"].as<std::string>();
    auto& flows = options.flows;
    const auto number = given["flows"].as<unsigned long>();
    if (number < 1 || number > 10'000'000)
        return refuse(fmt::format("--flows {}: give 1 to 10000000", number));
    flows.flows = static_cast<std::uint32_t>(number);
    if (auto ok = take_vary(given["vary"].as<std::string>(), flows); !ok) return std::move(ok).error();
    if (given.count("vlan"))
        if (auto ok = take_vlan(given["vlan"].as<std::string>(), flows); !ok) return std::move(ok).error();
    if (auto ok = take_prepare(given["prepare"].as<std::string>(), options); !ok)
        return std::move(ok).error();
    flows.ipv6 = given.count("ipv6") != 0;
    flows.tcp = given.count("tcp") != 0;
    flows.shuffled = given.count("random") != 0;
    const auto size = given["size"].as<unsigned>();
    const auto least = Flows::least_size(flows);
    if (size < least || size > 9018)
        return refuse(fmt::format("--size {}: frames of this kind take {} to 9018 bytes", size, least));
    flows.size = static_cast<std::uint16_t>(size);
    options.rate = given["rate"].as<double>();
    if (!(options.rate >= 0)) return refuse("--rate: give packets a second, or 0 for as fast as it goes");
    options.seconds = given["seconds"].as<double>();
    if (!(options.seconds > 0 && options.seconds <= 86400))
        return refuse("--seconds: give more than 0, up to 86400");
    if (given.count("search")) {
        options.search_loss = given["search"].as<double>() / 100;
        if (!(options.search_loss > 0 && options.search_loss < 1))
            return refuse("--search: give a loss between 0 and 100 percent");
    }
    const auto rxq = given["rxq"].as<unsigned>();
    if (rxq < 1 || rxq > 16) return refuse(fmt::format("--rxq {}: give 1 to 16", rxq));
    options.rxq = static_cast<std::uint16_t>(rxq);
    const auto [first, last] = cpus();
    options.cpu = given.count("cpu") ? given["cpu"].as<unsigned>() : first;
    options.far_cpu = options.cpu == last ? first : last;
    options.json = given.count("json") != 0;
    options.huge = given.count("no-huge") == 0;
    return options;
}

}  // namespace

std::string help() {
    std::ostringstream text;
    text << description();
    return text.str();
}

Result<Options> parse(int argc, const char* const* argv) {
    try {
        po::variables_map given;
        po::store(po::command_line_parser(argc, argv).options(description()).positional({}).run(), given);
        return take(given);
    } catch (const po::error& error) {
        return refuse(error.what());
    }
}

}  // namespace weft::bench
