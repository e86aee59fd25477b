#include "control/kernel/ingress_drop.hpp"

#include <fmt/core.h>
#include <nftables/libnftables.h>

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <string_view>

namespace weft {
namespace {

struct FreeContext {
    void operator()(nft_ctx* context) const noexcept { nft_ctx_free(context); }
};

/// Runs the commands as one nftables transaction in the namespace and returns what they print.
Result<std::string> ask_nft(const Netns& netns, const std::string& commands) {
    return run_in(netns, [&]() -> Result<std::string> {
        const std::unique_ptr<nft_ctx, FreeContext> context{nft_ctx_new(NFT_CTX_DEFAULT)};
        if (!context) return refuse("nftables: no memory");
        nft_ctx_buffer_error(context.get());
        nft_ctx_buffer_output(context.get());
        if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0)
            return std::string{nft_ctx_get_output_buffer(context.get())};
        std::string_view words = nft_ctx_get_error_buffer(context.get());
        words = words.substr(0, words.find('\n'));
        return refuse(fmt::format("nftables: {}", words));
    });
}

Result<> run_nft(const Netns& netns, const std::string& commands) {
    auto done = ask_nft(netns, commands);
    return done ? Result<>{} : std::move(done).error();
}

std::string host_table_prefix(const std::string& socket) {
    return ingress_table(socket) + ".tuntap.";
}

std::string chain_of(int index) {
    return fmt::format("device_{}", index);
}

}  // namespace

std::string ingress_table(const std::string& socket) {
    std::string name = "weft" + socket;
    std::uint32_t hash = 2166136261U;  // FNV-1a
    bool changed = false;
    for (char& c : name) {
        hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
        if (std::isalnum(static_cast<unsigned char>(c)) ||
            std::string_view("/.-_").find(c) != std::string_view::npos)
            continue;
        c = '_';
        changed = true;
    }
    return changed ? fmt::format("{}_{:08x}", name, hash) : name;
}

Result<> add_ingress_drop(const Netns& netns, const std::string& socket, const std::string& device,
                          int index) {
    const auto table = ingress_table(socket);
    return run_nft(netns, fmt::format("add table netdev {0}\n"
                                      "add chain netdev {0} {1} {{ type filter hook ingress device \"{2}\" "
                                      "priority -500; policy drop; }}\n",
                                      table, chain_of(index), device));
}

Result<> remove_ingress_drop(const Netns& netns, const std::string& socket, int index) {
    // Adding what is there does nothing, so that deleting cannot fail for want of it.
    const auto table = ingress_table(socket);
    return run_nft(
        netns, fmt::format("add table netdev {0}\nadd chain netdev {0} {1}\ndelete chain netdev {0} {1}\n",
                           table, chain_of(index)));
}

Result<> remove_ingress_table(const Netns& netns, const std::string& socket) {
    return run_nft(netns,
                   fmt::format("add table netdev {0}\ndelete table netdev {0}\n", ingress_table(socket)));
}

Result<> set_host_ingress(const Netns& netns, const std::string& socket, const std::string& device, int index,
                          bool bridge_member) {
    const auto table = fmt::format("{}{}", host_table_prefix(socket), index);
    std::string commands = fmt::format(
        "add table netdev {0}\ndelete table netdev {0}\nadd table netdev {0}\n"
        "add chain netdev {0} host {{ type filter hook ingress device \"{1}\" priority -500; policy drop; "
        "}}\n"
        "add rule netdev {0} host ether daddr and ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 "
        "ether type != {{ ip, ip6, 8021q, 8021ad }} accept\n",
        table, device);
    if (!bridge_member)
        commands += fmt::format(
            "add rule netdev {0} host meta protocol arp accept\n"
            "add rule netdev {0} host fib daddr type {{ local, broadcast, multicast }} accept\n",
            table);
    return run_nft(netns, commands);
}

Result<> remove_host_ingress(const Netns& netns, const std::string& socket, int index) {
    return run_nft(netns, fmt::format("add table netdev {0}{1}\ndelete table netdev {0}{1}\n",
                                      host_table_prefix(socket), index));
}

Result<std::set<int>> host_ingress_devices(const Netns& netns, const std::string& socket) {
    auto listed = ask_nft(netns, "list tables netdev\n");
    if (!listed) return std::move(listed).error();
    const std::string before = "table netdev " + host_table_prefix(socket);
    std::set<int> found;
    std::istringstream lines(*listed);
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(before)) found.insert(std::atoi(line.c_str() + before.size()));
    return found;
}

}  // namespace weft
