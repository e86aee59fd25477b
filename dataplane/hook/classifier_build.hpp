// Builds a Classifier's tree. Only classifier.cpp includes it.
#pragma once

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "dataplane/hook/classifier.hpp"

namespace weft::hook {

/// Rules are positions; a set of them is sorted.
template <class Address>
struct Classifier<Address>::Build {
    using Positions = std::vector<std::uint32_t>;
    using Valued = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  ///< hash, position
    static constexpr std::size_t leaf_size = 8;
    static constexpr std::size_t sample_size = 1024;

    Build(Classifier& tree, std::span<const SharedRule> all) : out(tree), rules(all) {}

    void run() {
        Positions all(rules.size());
        std::iota(all.begin(), all.end(), 0U);
        static_cast<void>(add(all, 0));
    }

    std::uint32_t add(const Positions& set, std::uint32_t used) {
        const auto index = static_cast<std::uint32_t>(out.nodes_.size());
        out.nodes_.push_back({Dimension::leaf, set.empty() ? 0 : set.front(), 0, 0, 0});
        const auto best = set.size() <= leaf_size ? Dimension::leaf : choose(set, used);
        if (best == Dimension::leaf)
            add_leaf(index, set);
        else
            split(index, set, best, used | 1U << static_cast<unsigned>(best));
        return index;
    }

    void add_leaf(std::uint32_t index, const Positions& set) {
        out.nodes_[index].start = static_cast<std::uint32_t>(out.entries_.size());
        out.nodes_[index].size = static_cast<std::uint32_t>(set.size());
        for (const auto position : set)
            out.entries_.push_back(position << 1 | (rules[position]->final() ? 1 : 0));
    }

    /// After which the fewest rules remain for a packet that is as the rules are; a quarter has to go.
    Dimension choose(const Positions& set, std::uint32_t used) {
        const std::size_t step = std::max<std::size_t>(1, set.size() / sample_size);
        const auto sampled = static_cast<double>((set.size() + step - 1) / step);
        auto best = Dimension::leaf;
        double least = sampled * 0.75;
        for (std::size_t d = 0; d < dimension_count; ++d) {
            const auto dimension = static_cast<Dimension>(d);
            if (used & 1U << d) continue;
            valued.clear();
            double without = 0;
            for (std::size_t i = 0; i < set.size(); i += step)
                if (!append(dimension, set[i], valued)) ++without;
            if (without >= least) continue;
            std::sort(valued.begin(), valued.end());
            double squares = 0;
            for (std::size_t i = 0, end; i < valued.size(); i = end) {
                for (end = i; end < valued.size() && valued[end].first == valued[i].first;)
                    ++end;
                squares += static_cast<double>((end - i) * (end - i));
            }
            const double remain = without + squares / static_cast<double>(valued.size());
            if (remain >= least) continue;
            least = remain;
            best = dimension;
        }
        return best;
    }

    void split(std::uint32_t index, const Positions& set, Dimension dimension, std::uint32_t used) {
        Valued with;
        Positions rest;
        for (const auto position : set)
            if (!append(dimension, position, with)) rest.push_back(position);
        std::sort(with.begin(), with.end());
        with.erase(std::unique(with.begin(), with.end()), with.end());
        std::size_t groups = 0;
        for (std::size_t i = 0; i < with.size(); ++i)
            groups += i == 0 || with[i].first != with[i - 1].first;
        const auto size = static_cast<std::uint32_t>(std::bit_ceil(groups * 2));
        const auto start = static_cast<std::uint32_t>(out.slots_.size());
        out.slots_.resize(start + size);
        out.nodes_[index].dimension = dimension;
        out.nodes_[index].start = start;
        out.nodes_[index].size = size;
        Positions group;
        for (std::size_t i = 0; i < with.size();) {
            const auto hash = with[i].first;
            group.clear();
            for (; i < with.size() && with[i].first == hash; ++i)
                group.push_back(with[i].second);
            const auto node = add(group, used);
            auto at = hash & (size - 1);
            while (out.slots_[start + at].node != 0)
                at = (at + 1) & (size - 1);
            out.slots_[start + at] = {hash, node};
        }
        if (rest.empty()) return;
        const auto node = add(rest, used);
        out.nodes_[index].rest = node;
    }

    /// The rule's values there; false if it has none.
    bool append(Dimension dimension, std::uint32_t position, Valued& to) const {
        const SimplePart& simple = rules[position]->simple;
        const auto put = [&](std::uint64_t value) {
            to.emplace_back(hash_value(dimension, value), position);
            return true;
        };
        const auto put_all = [&](const std::vector<std::uint16_t>& ports) {
            for (const auto port : ports)
                put(port);
            return !ports.empty();
        };
        const auto put_one = [&](const InterfaceTest& test, bool inverted) {
            return !test.any && !test.set && !inverted && put(test.one);
        };
        const auto put_prefix = [&](const Prefix& prefix, bool inverted, unsigned level) {
            const Address mask = to_number<Address>(prefix.mask), cut = prefix_masks<Address>[level];
            if (inverted || (mask & cut) != cut) return false;
            to.emplace_back(hash_address<Address>(dimension, to_number<Address>(prefix.address) & cut),
                            position);
            return true;
        };
        const auto level = static_cast<unsigned>(dimension);
        switch (dimension) {
            case Dimension::source_port:
                return put_all(simple.source_ports);
            case Dimension::destination_port:
                return put_all(simple.destination_ports);
            case Dimension::mac:
                return simple.has_mac && !simple.mac_inverted && put(simple.mac);
            case Dimension::in:
                return put_one(simple.in, simple.in_inverted);
            case Dimension::out:
                return put_one(simple.out, simple.out_inverted);
            case Dimension::protocol:
                return simple.protocol != 0 && !simple.protocol_inverted && put(simple.protocol);
            default:
                return level < 4 ? put_prefix(simple.source, simple.source_inverted, level)
                                 : put_prefix(simple.destination, simple.destination_inverted, level - 4);
        }
    }

    Classifier& out;
    std::span<const SharedRule> rules;
    Valued valued;  ///< choose()'s
};

}  // namespace weft::hook
