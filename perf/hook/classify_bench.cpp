// classify_bench [ROUNDS]: prints a table. "walk" is a whole walk through FORWARD with its path and
// conditions, packet after packet out of 4096; "acl" is rte_acl_classify of one packet, which says less: the
// first rule only. Answers are compared. Clocks are the TSC's.
#include <fmt/core.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "control/hook/program.hpp"
#include "control/publish/hook/compile.hpp"
#include "dataplane/hook/walk.hpp"
#include "perf/hook/acl.hpp"
#include "perf/hook/rule_sets.hpp"

namespace weft::perf {
namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point since) {
    return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

hook::View view_of(const PlainPacket& packet) {
    hook::View view;
    view.layer4 = hook::Layer4::whole;
    view.has_ports = true;
    view.protocol = packet.protocol;
    view.source = to_address(be32{packet.source});
    view.destination = to_address(be32{packet.destination});
    view.source_port = packet.source_port;
    view.destination_port = packet.destination_port;
    MacAddress mac;
    for (int i = 0; i < 6; ++i)
        mac.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(packet.mac >> (40 - 8 * i));
    hook::set_source_mac(view, mac);
    return view;
}

/// Lowest clocks per packet over the rounds.
template <class Function>
double clocks(std::size_t packets, unsigned rounds, Function&& one) {
    double best = 1e9;
    for (unsigned round = 0; round < rounds; ++round) {
        const auto start = rte_rdtsc();
        for (std::size_t i = 0; i < packets; ++i)
            one(i);
        best = std::min(best, static_cast<double>(rte_rdtsc() - start) / static_cast<double>(packets));
    }
    return best;
}

void row(RuleSet set, std::size_t count, unsigned rounds) {
    const auto plain = make_rules(set, count);
    const auto packets = make_packets(plain, 4096);
    hook::Ruleset rules(hook::Family::ip);
    const std::vector<std::string> words{"iptables-restore"};
    const auto outcome = hook::run_restore(rules, {}, words, save_file(plain));
    if (outcome.status != 0) {
        fmt::print("{}", outcome.errors);
        std::exit(1);
    }
    hook::Compiler compiler(hook::Family::ip, 1);
    const hook::FindSet no_set = [](std::string_view) { return nullptr; };
    auto start = Clock::now();
    auto program = compiler.compile(rules, {}, no_set);
    const auto compile = milliseconds(start);
    // one more rule, a hundred times
    auto& chain = rules.table(hook::TableId::filter).find("FORWARD")->rules;
    const auto size = chain.size();
    double append = 0;
    for (int i = 0; i < 100; ++i) {
        chain.push_back({std::make_shared<const hook::Rule>(*chain.front().rule), {}});
        start = Clock::now();
        const auto next = compiler.compile(rules, {}, no_set);
        append += milliseconds(start) / 100;
    }
    chain.resize(size);

    std::size_t memory = 0;
    for (const auto& code : program->chains)
        for (const auto& block : code->blocks)
            memory += block->memory();
    std::vector<hook::View> views;
    for (const auto& packet : packets)
        views.push_back(view_of(packet));
    std::vector<std::uint32_t> found(packets.size());
    hook::Trail trail;
    const auto first_id = compiler.ids(hook::TableId::filter, "FORWARD").front();
    const auto walked = clocks(packets.size(), rounds, [&](std::size_t i) {
        trail.clear();
        const auto result = hook::walk(*program, hook::Hook::forward, hook::all_tables, views[i], trail, 0);
        found[i] = result.ending == hook::Ending::accept ? trail.path.back() - first_id + 1 : 0;
    });

    std::vector<hook::EitherKey> keys;
    for (const auto& view : views)
        keys.push_back(hook::key_of(view));
    const auto& block = *program->chains[program->hooks[2].front().chain]->blocks.front();
    std::vector<std::uint32_t> candidates;
    const auto searched = clocks(packets.size(), rounds, [&](std::size_t i) {
        candidates.clear();
        block.find(keys[i], candidates);
    });

    start = Clock::now();
    const auto acl = Acl::build(plain, 0);
    const auto acl_build = milliseconds(start);
    fmt::print("{:<10} {:>6} {:>9.2f} {:>9.3f} {:>8} {:>7.0f} {:>7.0f}", name_of(set), count, compile, append,
               memory / 1024, walked, searched);
    if (!acl) {
        fmt::print("   rte_acl refused after {:.0f} ms\n", acl_build);
        return;
    }
    for (const auto& packet : packets)
        acl->add(packet);
    std::size_t differ = 0;
    const auto classified =
        clocks(packets.size(), rounds, [&](std::size_t i) { differ += acl->find(i) != found[i]; });
    fmt::print(" {:>9.1f} {:>7.0f} {}\n", acl_build, classified,
               differ ? fmt::format("{} answers differ!", differ / rounds) : "");
    std::fflush(stdout);
}

}  // namespace
}  // namespace weft::perf

int main(int argc, char** argv) {
    const unsigned rounds = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 10;
    std::vector<std::string> words{"classify",
                                   "--no-huge",
                                   "-m",
                                   "1024",
                                   "--no-pci",
                                   "--no-shconf",
                                   "--no-telemetry",
                                   "-l",
                                   "0",
                                   "--log-level=error",
                                   "--file-prefix=weft-classify"};
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) return 1;
    rmdir(rte_eal_get_runtime_dir());
    fmt::print("{:<10} {:>6} {:>9} {:>9} {:>8} {:>7} {:>7} {:>9} {:>7}\n", "set", "rules", "compile", "-A",
               "tree", "walk", "search", "acl build", "acl");
    fmt::print("{:<10} {:>6} {:>9} {:>9} {:>8} {:>7} {:>7} {:>9} {:>7}\n", "", "", "ms", "ms", "KiB",
               "clocks", "clocks", "ms", "clocks");
    for (const auto set : weft::perf::rule_sets)
        for (const std::size_t count : {10, 1000, 10000})
            weft::perf::row(set, count, rounds);
    rte_eal_cleanup();
    return 0;
}
