#include "dataplane/hook/traced.hpp"

#include <cstring>

#include "dataplane/hook/connection.hpp"
#include "dataplane/hook/log.hpp"
#include "dataplane/hook/whole.hpp"
#include "dataplane/observe/observer.hpp"
#include "dataplane/route/header.hpp"

namespace weft {

namespace {

bool is_followed(const Packet& packet, const Context& context) noexcept {
    return context.observer && context.observer->follows(packet);
}

TracedHook at_hook(Packet& packet, hook::Hook at, const Context& context) noexcept {
    return {.at = at, .v6 = is_ipv6(packet), .generation = context.filtering->generation};
}

/// The line that nf_log_trace writes: level 4, with all that NF_LOG_DEFAULT_MASK asks for.
void log_words(Packet& packet, const hook::View& view, const std::string& place,
               const Context& context) noexcept {
    constexpr std::string_view begin = "TRACE: ";
    constexpr std::uint8_t warning = 4, default_mask = 0x0f;
    std::array<char, 80> words;
    const std::size_t length = std::min(place.size(), words.size() - begin.size() - 1);
    std::memcpy(words.data(), begin.data(), begin.size());
    std::memcpy(words.data() + begin.size(), place.data(), length);
    words[begin.size() + length] = ' ';
    log_packet(packet, {LogOf::trace, {words.data(), begin.size() + length + 1}, warning, default_mask}, view,
               context);
}

/// A rule, or the end of a chain: words[number] in the log, `what` in a trace.
void tell_place(Packet& packet, const hook::View& view, const std::vector<std::string>& words,
                std::size_t number, const TracedHook& what, Context& context) noexcept {
    if (is_traced(packet) && number < words.size()) log_words(packet, view, words[number], context);
    if (is_followed(packet, context)) context.observer->passes_hook(packet, TraceStep::Kind::rule, what);
}

}  // namespace

bool is_told_of(const Packet& packet, bool v6, const Context& context) noexcept {
    return context.filtering->of(v6)->traces || is_followed(packet, context);
}

void begin_to_trace(Packet& packet, const hook::View& view, const Context& context) noexcept {
    packet.meta.flags |= traced_bit;
    if (context.observer) context.observer->follow_traced(packet, view.iif, view.oif);
}

void tell_rule(Packet& packet, const hook::View& view, hook::Hook at, hook::RuleId rule,
               Context& context) noexcept {
    TracedHook what = at_hook(packet, at, context);
    what.rule = rule;
    tell_place(packet, view, context.filtering->of(what.v6)->rule_words, rule, what, context);
}

void tell_end(Packet& packet, const hook::View& view, hook::Hook at, hook::ChainSlot chain,
              Context& context) noexcept {
    TracedHook what = at_hook(packet, at, context);
    what.chain = chain;
    tell_place(packet, view, context.filtering->of(what.v6)->end_words, chain, what, context);
}

void tell_connection(Packet& packet, hook::Hook at, Context& context) noexcept {
    if (!is_followed(packet, context)) return;
    TracedHook what = at_hook(packet, at, context);
    hook::ConnectionFacts facts;
    if (connection_facts(packet, facts, what.state, context)) {
        what.state = facts.state;
        what.reply = facts.reply;
    }
    context.observer->passes_hook(packet, TraceStep::Kind::connection, what);
}

ToldTranslation::ToldTranslation(Packet& packet, hook::Hook at, Context& context) noexcept
    : packet_(packet), at_(at), context_(context), watches_(is_followed(packet, context)) {
    if (!watches_) return;
    context.hooks->drawn = {};
    watches_ = read_view(before_, packet_, context_);
}

void ToldTranslation::tell() noexcept {
    hook::View now;
    if (!watches_ || !read_view(now, packet_, context_)) return;
    for (const bool source : {true, false}) {
        const auto& address = source ? now.source : now.destination;
        const std::uint16_t port = source ? now.source_port : now.destination_port;
        const std::uint16_t port_before = source ? before_.source_port : before_.destination_port;
        if (address == (source ? before_.source : before_.destination) && port == port_before) continue;
        TracedHook what = at_hook(packet_, at_, context_);
        what.source = source;
        what.has_port = now.has_ports;
        what.address = address;
        what.drawn = context_.hooks->drawn;
        // What a rehearsal has drawn says nothing of what the next packet will get.
        what.port = what.drawn.high != 0 && context_.hooks->trail.peeks ? std::uint16_t{0} : port;
        context_.observer->passes_hook(packet_, TraceStep::Kind::translation, what);
    }
}

}  // namespace weft
