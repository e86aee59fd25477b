#include "control/kernel/ingress_drop.hpp"

#include <fmt/core.h>
#include <nftables/libnftables.h>

#include <cctype>
#include <cstdint>
#include <memory>
#include <string_view>

namespace weft {
namespace {

struct FreeContext {
    void operator()(nft_ctx* context) const noexcept { nft_ctx_free(context); }
};

/// Runs the commands as one nftables transaction in the namespace.
Result<> run_nft(const Netns& netns, const std::string& commands) {
    return run_in(netns, [&]() -> Result<> {
        const std::unique_ptr<nft_ctx, FreeContext> context{nft_ctx_new(NFT_CTX_DEFAULT)};
        if (!context) return refuse("nftables: no memory");
        nft_ctx_buffer_error(context.get());
        nft_ctx_buffer_output(context.get());
        if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0) return {};
        std::string_view words = nft_ctx_get_error_buffer(context.get());
        words = words.substr(0, words.find('\n'));
        return refuse(fmt::format("nftables: {}", words));
    });
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

}  // namespace weft
