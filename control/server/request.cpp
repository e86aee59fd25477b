// A request line, read word by word into the Request: no tree is built of it.
#include <fmt/format.h>

#include "control/server/message.hpp"

namespace weft::server {

namespace {

/// What the parser meets. The first thing that is wrong is kept, and reading goes on: the id may come later.
/// Texts are moved out of the parser's buffer, so that a large "stdin" exists once.
class RequestReader final : public nlohmann::json_sax<Json> {
  public:
    explicit RequestReader(Json& id) : id_(id) {}

    bool null() override { return value(key_ == "stdin" || key_ == "id", nullptr); }
    bool boolean(bool is) override {
        if (at_member() && key_ == "json") request_.json = is;
        return value(key_ == "json" || key_ == "id", is);
    }
    bool number_integer(number_integer_t number) override { return value(key_ == "id", number); }
    bool number_unsigned(number_unsigned_t number) override { return value(key_ == "id", number); }
    bool number_float(number_float_t number, const string_t&) override { return value(key_ == "id", number); }
    bool string(string_t& text) override {
        if (depth_ == 2 && in_argv_) return word(std::move(text));
        if (!at_member() || key_ != "stdin") return value(key_ == "id", text);
        request_.input = std::move(text);
        return true;
    }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override {
        if (depth_++ == 0)
            object_ = true;
        else
            nested(false);
        return true;
    }
    bool key(string_t& name) override {
        if (depth_ != 1) return true;
        key_ = std::move(name);
        if (key_ != "id" && key_ != "argv" && key_ != "stdin" && key_ != "json")
            fail(fmt::format("\"{}\" is not known; expected id, argv, stdin, json", key_));
        return true;
    }
    bool end_object() override { return end(); }
    bool start_array(std::size_t) override {
        if (depth_++ == 1 && key_ == "argv") {
            in_argv_ = true;
            request_.argv.clear();
        } else {
            nested(true);
        }
        return true;
    }
    bool end_array() override { return end(); }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
        error_ = "not JSON";
        return false;
    }

    Result<Request> request() && {
        if (error_.empty() && request_.argv.empty()) error_ = "\"argv\" has no word";
        if (!error_.empty()) return Error{ErrorCode::usage, fmt::format("malformed request: {}", error_), 0};
        request_.id = id_;
        return std::move(request_);
    }

  private:
    [[nodiscard]] bool at_member() const { return depth_ == 1; }

    void fail(std::string what) {
        if (error_.empty()) error_ = std::move(what);
    }
    void fail_member() {
        if (key_ == "id") fail("\"id\" is neither a number nor a string");
        if (key_ == "argv") fail("\"argv\" is not an array");
        if (key_ == "stdin") fail("\"stdin\" is not a string");
        if (key_ == "json") fail("\"json\" is neither true nor false");
    }
    /// A value that is no text of its own place.
    template <class Value>
    bool value(bool fits, const Value& is) {
        if (depth_ == 0) fail("not an object");
        if (depth_ == 2 && in_argv_) fail("a word of \"argv\" is not a string");
        if (!at_member()) return true;
        if (!fits) fail_member();
        if (key_ == "id") id_ = is;
        return true;
    }
    bool word(std::string text) {
        if (text.find('\0') != std::string::npos) fail("a word has a zero byte");
        request_.argv.push_back(std::move(text));
        return true;
    }
    /// An object or array, already counted in depth_, where none belongs.
    void nested(bool array) {
        if (depth_ == 1 && array) fail("not an object");
        if (depth_ == 2 && object_) fail_member();
        if (depth_ == 3 && in_argv_) fail("a word of \"argv\" is not a string");
    }
    bool end() {
        if (--depth_ == 1) in_argv_ = false;
        return true;
    }

    Json& id_;
    Request request_;
    std::string error_, key_;
    std::size_t depth_ = 0;
    bool object_ = false;   ///< the line is one
    bool in_argv_ = false;  ///< within the member of that name
};

}  // namespace

Result<Request> decode_request(std::string_view line, Json& id) {
    id = nullptr;
    RequestReader reader(id);
    Json::sax_parse(line, &reader);
    return std::move(reader).request();
}

}  // namespace weft::server
