// Network namespaces: finding one, and working inside it for a moment.
#pragma once

#include <sys/stat.h>

#include <string>
#include <utility>
#include <vector>

#include "control/kernel/descriptor.hpp"
#include "weft/result.hpp"

namespace weft {

/// A network namespace held open: it lives at least as long as this. Move-only; may be used by several
/// threads.
class Netns {
  public:
    /// The namespace of the calling thread.
    static Result<Netns> current();
    /// A path if it contains '/', else a name under /run/netns (ip-netns(8)); empty: the current one.
    /// Refused if it is missing or is not a network namespace.
    static Result<Netns> open(const std::string& name_or_path);

    [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }
    /// Those that have a name under /run/netns, and the calling thread's; what cannot be opened is left out.
    static std::vector<Netns> all_named();

    /// What it was opened by; empty for the current one.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Equal for two descriptors of one namespace while it lives.
    [[nodiscard]] ino_t inode() const noexcept { return inode_; }

  private:
    Netns(Descriptor descriptor, std::string name, ino_t inode)
        : descriptor_(std::move(descriptor)), name_(std::move(name)), inode_(inode) {}
    static Result<Netns> open_path(const std::string& path, std::string name);

    Descriptor descriptor_;
    std::string name_;
    ino_t inode_;
};

/// The calling thread is inside a namespace while this lives, then back where it was. Sockets, /dev/net/tun
/// descriptors and /proc/sys/net opened meanwhile belong to it. To be destroyed by the thread that made it;
/// scopes nest. A thread that cannot come back would act on the wrong devices: the process aborts.
class NamespaceScope {
  public:
    static Result<NamespaceScope> enter(const Netns& netns);
    NamespaceScope(NamespaceScope&&) noexcept = default;
    NamespaceScope& operator=(NamespaceScope&&) = delete;
    ~NamespaceScope();

  private:
    explicit NamespaceScope(Descriptor back) : back_(std::move(back)) {}
    Descriptor back_;
};

/// f() inside the namespace, on the calling thread. f returns a Result; so does this, with setns's error if
/// any.
template <class F>
auto run_in(const Netns& netns, F&& f) -> decltype(f()) {
    auto scope = NamespaceScope::enter(netns);
    if (!scope) return std::move(scope).error();
    return std::forward<F>(f)();
}

}  // namespace weft
