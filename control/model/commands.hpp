// What each command means: carries out a line that the grammar took apart.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/command/grammar.hpp"
#include "control/model/live.hpp"
#include "control/model/model.hpp"
#include "control/model/reply.hpp"
#include "weft/result.hpp"

namespace weft {

class RoutingNames;

/// Where a command is carried out. The caller owns all of it.
struct Session {
    Model& model;  ///< configure commands change it: give them a copy, validate() it, then make it true
    Live* live =
        nullptr;  ///< null: no daemon (a file is read, `weft -c`); commands that show or act are refused
    bool json = false;                    ///< answer in data instead of text
    std::vector<std::string> warnings{};  ///< sentences for stderr of commands that succeed
    std::string printed{};                ///< to stdout by a command before it was refused
    std::string reason{};  ///< why it was, where the program whose word it is does not say: a sentence
    /// What is done to the running switch when the model has become true; not done if it is refused.
    std::vector<std::function<Result<>(Live&)>> afterwards{};
    std::shared_ptr<const RoutingNames> names{};  ///< of routing tables and protocols, once somebody asked
};

/// Carries out one command. `input` is what the client sent along (the text of a file). A refused
/// command may leave the model half changed: throw the copy away. Commands that the daemon itself carries out
/// (apply, confirm, rollback) are refused here. Errors have the words of the Linux program whose word
/// it is, and its exit status as Error::code, which then is none of the enumerators.
Result<Reply> run(Session&, const command::Match&, const std::string& input = {});

/// The meaning of one Spec of the grammar.
struct Handler {
    std::string_view name;  ///< Spec::name
    Result<Reply> (*run)(Session&, const command::Match&, const std::string& input);
};

// One table a feature, in its folder.
[[nodiscard]] std::span<const Handler> port_handlers();
[[nodiscard]] std::span<const Handler> link_handlers();
[[nodiscard]] std::span<const Handler> bridge_handlers();
[[nodiscard]] std::span<const Handler> brctl_handlers();
[[nodiscard]] std::span<const Handler> address_handlers();
[[nodiscard]] std::span<const Handler> route_handlers();
[[nodiscard]] std::span<const Handler> sysctl_handlers();
[[nodiscard]] std::span<const Handler> ethtool_handlers();
[[nodiscard]] std::span<const Handler> show_handlers();
[[nodiscard]] std::span<const Handler> observe_handlers();
[[nodiscard]] std::span<const Handler> tuntap_handlers();
[[nodiscard]] std::span<const Handler> hook_handlers();
[[nodiscard]] std::span<const Handler> conntrack_handlers();
[[nodiscard]] std::span<const Handler> set_handlers();
[[nodiscard]] std::span<const Handler> configuration_handlers();

}  // namespace weft
