#include "control/command/syntax.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft::command {

namespace {

using std::string_view;

class Compiler {
  public:
    explicit Compiler(string_view syntax) : syntax_(syntax) { advance(); }

    Result<> run(Node& root) {
        auto sequence = parse_sequence();
        if (!failed() && !token_.empty()) fail("closed but not opened");
        if (failed()) return Error{ErrorCode::usage, message_, column_};
        root = std::move(sequence);
        annotate(root);
        return {};
    }

  private:
    void advance() {
        const auto start = syntax_.find_first_not_of(' ', next_);
        at_ = start == string_view::npos ? syntax_.size() : start;
        next_ = std::min(syntax_.find(' ', at_), syntax_.size());
        token_ = syntax_.substr(at_, next_ - at_);
    }

    [[nodiscard]] bool failed() const { return column_ != 0; }

    void fail(string_view what) {
        if (failed()) return;
        column_ = static_cast<int>(at_) + 1;
        message_ = fmt::format("syntax \"{}\", column {}: {}", syntax_, column_, what);
    }

    [[nodiscard]] bool at_end_of_sequence() const {
        return token_.empty() || token_ == "]" || token_ == "|" || token_.front() == '}';
    }

    Node parse_sequence() {
        Node sequence;
        while (!failed() && !at_end_of_sequence()) {
            if (!sequence.children.empty() && sequence.children.back().to_the_end)
                fail("nothing can follow '...'");
            if (token_ == "...") {
                repeat(sequence);
            } else {
                sequence.children.push_back(parse_element());
            }
        }
        return sequence;
    }

    void repeat(Node& sequence) {
        if (sequence.children.empty() || sequence.children.back().kind != Node::Kind::argument)
            return fail("'...' stands after an argument only");
        sequence.children.back().to_the_end = true;
        advance();
    }

    Node parse_element() {
        if (token_ == "[") return parse_optional();
        if (token_ == "{") return parse_group();
        return token_.front() == '<' ? parse_argument() : parse_keyword();
    }

    Node parse_optional() {
        Node node;
        node.kind = Node::Kind::optional;
        advance();
        node.children.push_back(parse_sequence());
        if (token_ != "]") fail("expected ']'");
        if (node.children.front().children.empty()) fail("empty '[ ]'");
        advance();
        return node;
    }

    Node parse_group() {
        Node node;
        do {
            advance();
            node.children.push_back(parse_sequence());
            if (node.children.back().children.empty()) fail("an alternative is empty");
        } while (!failed() && token_ == "|");
        if (token_ == "}")
            node.kind = Node::Kind::one_of;
        else if (token_ == "}*")
            node.kind = Node::Kind::any_of;
        else if (token_ == "}+")
            node.kind = Node::Kind::some_of;
        else
            fail("expected '|', '}', '}*' or '}+'");
        if (node.children.size() > maximum_alternatives) fail("too many alternatives");
        advance();
        return node;
    }

    Node parse_argument() {
        Node node;
        node.kind = Node::Kind::argument;
        const auto colon = token_.find(':');
        if (token_.back() != '>' || colon == string_view::npos || colon < 2) {
            fail("expected <NAME:type>");
            return node;
        }
        node.name = token_.substr(1, colon - 1);
        node.type_text = token_.substr(colon + 1, token_.size() - colon - 2);
        const auto second = node.type_text.find(':');
        node.type = find_type(node.type_text.substr(0, second));
        if (second != string_view::npos) node.parameter = node.type_text.substr(second + 1);
        if (node.type == nullptr)
            fail("no such type");
        else if (!node.type->parameter_valid(node.parameter))
            fail("the type does not take this parameter");
        advance();
        return node;
    }

    Node parse_keyword() {
        Node node;
        node.kind = Node::Kind::keyword;
        auto text = token_;
        if (text.size() > 1 && text.back() == '!') {
            node.whole = true;
            text.remove_suffix(1);
        }
        while (true) {
            const auto bar = text.find('|');
            node.spellings.push_back(text.substr(0, bar));
            if (node.spellings.back().empty()) fail("an empty spelling");
            if (bar == string_view::npos) break;
            text.remove_prefix(bar + 1);
        }
        if (token_.find_first_of("[]{}<>") != string_view::npos) fail("brackets stand alone, between blanks");
        advance();
        return node;
    }

    static void append(std::vector<const Node*>& to, const std::vector<const Node*>& from) {
        to.insert(to.end(), from.begin(), from.end());
    }

    static void annotate(Node& node) {
        for (auto& child : node.children)
            annotate(child);
        switch (node.kind) {
            case Node::Kind::keyword:
            case Node::Kind::argument:
                node.first.push_back(&node);
                break;
            case Node::Kind::sequence:
                node.nullable = true;
                for (const auto& child : node.children) {
                    append(node.first, child.first);
                    node.nullable = child.nullable;
                    if (!child.nullable) break;
                }
                break;
            default:
                for (const auto& child : node.children)
                    append(node.first, child.first);
                node.nullable = node.kind == Node::Kind::optional || node.kind == Node::Kind::any_of ||
                                std::any_of(node.children.begin(), node.children.end(),
                                            [](const Node& child) { return child.nullable; });
        }
    }

    string_view syntax_, token_;
    std::size_t at_ = 0, next_ = 0;
    int column_ = 0;
    std::string message_;
};

}  // namespace

Result<> compile_syntax(string_view syntax, Node& root) {
    return Compiler(syntax).run(root);
}

}  // namespace weft::command
