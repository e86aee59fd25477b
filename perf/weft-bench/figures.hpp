// The arithmetic of weft-bench: percentiles, medians, and the search for a rate.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace weft::bench {

/// Nearest rank (the smallest value with at least `percent` of all at or below it); 0 of nothing. Reorders.
template <class Value>
Value percentile(std::vector<Value>& values, double percent) {
    if (values.empty()) return {};
    const auto exact = percent / 100 * static_cast<double>(values.size());
    auto rank = static_cast<std::size_t>(exact);
    if (static_cast<double>(rank) < exact) ++rank;
    const auto at =
        values.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, values.size()) - 1);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

template <class Value>
Value median(std::vector<Value> values) {
    return percentile(values, 50);
}

struct Search {
    double highest;           ///< packets/s, known to be too much or the most there is
    double loss = 0.005;      ///< accepted share (0.5 %)
    double precision = 0.02;  ///< of the answer, as a share of it
    unsigned repeats = 3;     ///< trials of which the median counts
};

/// The highest rate whose median loss is accepted, by bisection; 0 if none is. trial(rate) returns the share
/// that was lost.
template <class Trial>
double partial_drop_rate(const Search& search, Trial trial) {
    const auto passes = [&](double rate) {
        std::vector<double> losses;
        for (unsigned i = 0; i < search.repeats; ++i)
            losses.push_back(trial(rate));
        return median(losses) <= search.loss;
    };
    if (passes(search.highest)) return search.highest;
    double good = 0, bad = search.highest;
    while (bad - good > search.precision * bad && bad > 1) {
        const double middle = (good + bad) / 2;
        (passes(middle) ? good : bad) = middle;
    }
    return good;
}

}  // namespace weft::bench
