// weft: the client.
#include <fmt/format.h>

#include <cstdlib>

#include "control/cli/candidates.hpp"
#include "control/cli/client.hpp"
#include "control/cli/files.hpp"
#include "control/cli/manual.hpp"
#include "control/cli/options.hpp"
#include "control/cli/shell.hpp"
#include "control/command/grammar.hpp"
#include "control/model/load.hpp"

namespace weft::cli {
namespace {

int check_file(const std::string& file) {
    const auto text = read_file(file);
    const auto checked = text ? check_offline(*text, file) : Result<>(text.error());
    return checked ? 0 : Client::complain({}, checked.error(), static_cast<int>(checked.error().code));
}

/// `ip -V` and the like; the empty text for anything else.
std::string program_version(const std::vector<std::string>& words) {
    if (words.size() != 2) return {};
    const std::string_view program = words[0], option = words[1];
    const bool iproute = program == "ip" || program == "bridge";
    const auto bare = option.substr(option.starts_with("--") ? 1 : 0);
    if (iproute && bare.size() > 1 && std::string_view("-Version").starts_with(bare))
        return fmt::format("{} utility, weft-{}\n", program, WEFT_VERSION);
    if (program == "brctl" && (option == "-V" || option == "--version"))
        return fmt::format("bridge-utils, weft-{}\n", WEFT_VERSION);
    return {};
}

int show_help(const Client& client, const Options& options) {
    if (!options.words.empty()) return client.help(options.words);
    fmt::print("{}\nCommands:\n{}", usage(), command::grammar().help({}));
    return 0;
}

int run(const std::string& called_as, const std::vector<std::string>& arguments) {
    const char* environment = std::getenv("WEFT_SOCKET");
    const auto options = parse_options(called_as, arguments, environment == nullptr ? "" : environment);
    if (!options) return Client::complain(arguments, options.error(), static_cast<int>(options.error().code));
    const Client client(options->socket, options->json, options->as_program);
    switch (options->mode) {
        case Options::Mode::words:
            if (const auto version = program_version(options->words); !version.empty()) {
                fmt::print("{}", version);
                return 0;
            }
            return client.run(options->words);
        case Options::Mode::file:
            return client.run_file(options->file);
        case Options::Mode::check_offline:
            return check_file(options->file);
        case Options::Mode::shell:
            return run_shell(client);
        case Options::Mode::help:
            return show_help(client, *options);
        case Options::Mode::version:
            fmt::print("weft {}\n", WEFT_VERSION);
            return 0;
        case Options::Mode::complete:
            for (const auto& candidate : candidates(options->words, [&] { return client.link_names(); }))
                fmt::print("{}\n", candidate);
            return 0;
        case Options::Mode::manual:
            fmt::print("{}", manual(options->file));
            return manual(options->file).empty() ? 1 : 0;
    }
    return 0;
}

}  // namespace
}  // namespace weft::cli

int main(int argc, char** argv) {
    return weft::cli::run(argc > 0 ? argv[0] : "weft",
                          std::vector<std::string>(argv + (argc > 0), argv + argc));
}
