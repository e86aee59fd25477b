// Targets that change what later rules see.
#pragma once

#include "dataplane/hook/packet.hpp"
#include "dataplane/hook/rests.hpp"

namespace weft::hook {

void set_mark(const MarkTarget&, View&) noexcept;
void set_connmark(const ConnmarkTarget&, View&, Rests&) noexcept;
void set_template(const CtTarget&, View&) noexcept;

}  // namespace weft::hook
