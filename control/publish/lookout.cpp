#include "control/publish/lookout.hpp"

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <sys/random.h>

#include <algorithm>

namespace weft {

namespace {

/// Packets that TRACE rules match and `trace show` tells of, until it is cleared.
constexpr std::uint32_t most_ruled = 256;

std::uint32_t new_key() {
    std::uint32_t key = 0;
    if (getrandom(&key, sizeof key, 0) != sizeof key) std::abort();
    return key | 1;  // 0 is nobody's
}

Result<std::vector<bpf_insn>> compile(const std::string& expression, std::uint32_t snap) {
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> ethernet(
        pcap_open_dead(DLT_EN10MB, static_cast<int>(snap)), pcap_close);
    if (!ethernet) return refuse("tcpdump: no memory");
    bpf_program program{};
    if (pcap_compile(ethernet.get(), &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0)
        return refuse(fmt::format("tcpdump: {}", pcap_geterr(ethernet.get())));
    std::vector<bpf_insn> instructions(program.bf_insns, program.bf_insns + program.bf_len);
    pcap_freecode(&program);
    return instructions;
}

void free_copies(Capture& capture) {
    Packet* copies[batch_size];
    for (auto& ring : capture.rings)
        while (const unsigned n = ring->dequeue(copies, batch_size))
            for (unsigned i = 0; i < n; ++i)
                Packet::free(copies[i]);
}

}  // namespace

Lookout::~Lookout() {
    for (auto& open : captures_)
        free_copies(*open.capture);
}

void Lookout::publish() {
    auto next = std::make_unique<Observation>();
    if (interface_.following) next->trace = interface_.trace;
    if (ruled_.following) next->ruled = ruled_.trace;
    for (auto& open : captures_) {
        auto interfaces = resolve_(open.interface);
        open.gone = interfaces.empty();
        next->captures.push_back({open.capture, std::move(interfaces)});
    }
    shared_.observation.replace(std::move(next), shared_.quiescence);
}

void Lookout::follow(IfIndex port, std::uint32_t count, Names names) {
    interface_ = {std::make_shared<Trace>(port, count, new_key()), true, std::move(names)};
    publish();
}

void Lookout::follow_rules(bool wanted, Names names) {
    if (wanted == ruled_.following) return;
    if (wanted && !ruled_.trace)
        ruled_ = {std::make_shared<Trace>(no_interface, most_ruled, new_key()), true, std::move(names)};
    ruled_.following = wanted;
    publish();
}

void Lookout::forget(Names names) {
    if (!wants_rules()) return;
    const bool rules_trace = ruled_.following;
    interface_ = ruled_ = {};
    rules_.clear();
    publish();
    follow_rules(rules_trace, std::move(names));
}

void Lookout::note_rules(std::uint32_t generation, std::shared_ptr<const RuleBook> rules) {
    if (!wants_rules() || (!rules_.empty() && rules_.back().first == generation)) return;
    rules_.emplace_back(generation, std::move(rules));
    constexpr std::size_t few = 16;  // not worth a look at all steps
    if (rules_.size() > few) forget_rules();
}

/// All but those of now that no step names, and the oldest of too many.
void Lookout::forget_rules() {
    constexpr std::size_t most_rules = 1 << 20;
    std::vector<std::uint32_t> named{rules_.back().first};
    for (const Followed* of : {&interface_, &ruled_})
        for (std::uint32_t i = 0, end = of->trace ? of->trace->steps() : 0; i < end; ++i)
            if (const TraceStep step = of->trace->step(i); step.kind == TraceStep::Kind::rule)
                if (named.back() != step.hook.generation) named.push_back(step.hook.generation);
    std::sort(named.begin(), named.end());
    std::erase_if(rules_, [&](const auto& known) {
        return !std::binary_search(named.begin(), named.end(), known.first);
    });
    std::size_t sum = 0, kept = 0;
    for (auto at = rules_.rbegin(); at != rules_.rend(); ++at, ++kept)
        if ((sum += at->second->size()) > most_rules && kept > 0) break;
    rules_.erase(rules_.begin(), rules_.end() - static_cast<std::ptrdiff_t>(kept));
}

const RuleBook* Lookout::rules(std::uint32_t generation) const {
    const auto at = std::find_if(rules_.begin(), rules_.end(),
                                 [&](const auto& known) { return known.first == generation; });
    return at == rules_.end() ? nullptr : at->second.get();
}

Result<std::shared_ptr<Capture>> Lookout::open(const CaptureWish& wish) {
    auto capture = std::make_shared<Capture>();
    capture->drops = wish.drops;
    capture->snap = wish.snap;
    if (wish.count) capture->left = static_cast<std::int64_t>(wish.count);
    if (!wish.filter.empty()) {
        auto filter = compile(wish.filter, wish.snap);
        if (!filter) return std::move(filter).error();
        capture->filter = std::move(*filter);
    }
    for (std::size_t w = 0; w < shared_.workers.size(); ++w)
        capture->rings.push_back(std::make_unique<PacketRing>(Capture::ring_size, true));
    captures_.push_back({capture, wish.interface, false});
    publish();
    return capture;
}

void Lookout::close(const std::shared_ptr<Capture>& capture) {
    if (std::erase_if(captures_, [&](const Open& open) { return open.capture == capture; }) == 0) return;
    publish();
    free_copies(*capture);
}

bool Lookout::is_gone(const std::shared_ptr<Capture>& capture) const {
    const auto at = std::find_if(captures_.begin(), captures_.end(),
                                 [&](const Open& open) { return open.capture == capture; });
    return at == captures_.end() || at->gone;
}

bool Lookout::is_followed_there() const {
    const IfIndex followed = interface_.trace->interface();
    const auto wanted = resolve_(interface_.names.interface(followed));
    return followed < wanted.size() && wanted[followed];
}

void Lookout::look_again() {
    const bool ends = interface_.following && !is_followed_there();
    if (ends) interface_.following = false;
    if (ends || !captures_.empty()) publish();
}

}  // namespace weft
