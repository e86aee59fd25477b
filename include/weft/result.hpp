// The outcome of a control-plane operation: a value, or an error that is one sentence for the user.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace weft {

/// Exit codes of weft's own words (README, "Exit codes"). Words of a Linux program map them to that
/// program's.
enum class ErrorCode : int { usage = 1, refused = 2, unreachable = 3 };

/// One error: what kind, and a sentence that names the object, the cause and what to do about it.
struct Error {
    ErrorCode code = ErrorCode::refused;
    std::string message;
    /// 1-based column of the offending word in the command line, 0 if none.
    int column = 0;
    /// 1-based line of what the command reads from standard input; 0: the column is the command line's.
    unsigned line = 0;
};

/// A value of type T, or an Error. Never empty. Not thread safe; owned like T.
template <class T = void>
class [[nodiscard]] Result {
    using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  public:
    Result() requires std::is_default_constructible_v<Stored> : state_(std::in_place_index<0>) {}
    template <class U = Stored>
    requires(std::is_constructible_v<Stored, U&&> && !std::is_same_v<std::remove_cvref_t<U>, Error> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result>) Result(U&& value)
        : state_(std::in_place_index<0>, std::forward<U>(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const noexcept { return state_.index() == 0; }
    Stored& value() & noexcept { return *std::get_if<0>(&state_); }
    const Stored& value() const& noexcept { return *std::get_if<0>(&state_); }
    Stored&& value() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    Stored& operator*() & noexcept { return value(); }
    const Stored& operator*() const& noexcept { return value(); }
    Stored&& operator*() && noexcept { return std::move(*this).value(); }
    Stored* operator->() noexcept { return std::get_if<0>(&state_); }
    const Stored* operator->() const noexcept { return std::get_if<0>(&state_); }
    const Error& error() const& noexcept { return *std::get_if<1>(&state_); }
    Error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

  private:
    std::variant<Stored, Error> state_;
};

/// An error that refuses a well-formed request (exit 2).
[[nodiscard]] inline Error refuse(std::string sentence) {
    return {ErrorCode::refused, std::move(sentence), 0};
}

}  // namespace weft
