#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"

namespace weft::hook {

namespace {

constexpr std::size_t comment_size = 256;  // XT_MAX_COMMENT_LEN

constexpr std::array<Option, 1> comment_options{
    {{.name = "comment", .argument = Argument::text, .mandatory = true, .size = comment_size}}};

void take_comment(CommentMatch& comment, OptionCall& call) {
    comment.text = call.text;
}
void save_comment(std::string& out, const CommentMatch& comment, const Frame&) {
    out += " --comment";
    save_string(out, comment.text);
}
void list_comment(std::string& out, const CommentMatch& comment, const Frame&) {
    append(out, " /* {} */", comment.text);
}

}  // namespace

const MatchKind& comment_match() {
    static const auto kind =
        make_kind<CommentMatch, Match, take_comment, save_comment, list_comment>("comment", comment_options);
    return kind;
}

}  // namespace weft::hook
