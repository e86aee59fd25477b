// Files: words, quotes, comments, joined lines, here-documents, half-written files, and the caret.
#include <gtest/gtest.h>

#include "control/config/file.hpp"

namespace weft::config {
namespace {

using Words = std::vector<std::string>;

std::vector<Words> words_of(std::string_view text) {
    auto commands = read(text, "f");
    EXPECT_TRUE(commands) << commands.error().message;
    std::vector<Words> lines;
    if (commands)
        for (auto& command : *commands)
            lines.push_back(command.words);
    return lines;
}

std::string error_of(std::string_view text) {
    const auto commands = read(text, "f");
    return commands ? "read" : commands.error().message;
}

TEST(ConfigFile, OneCommandALine) {
    EXPECT_EQ(words_of(""), std::vector<Words>{});
    EXPECT_EQ(words_of("\n  \n\t\n"), std::vector<Words>{});
    EXPECT_EQ(words_of("ip link\nport show"), (std::vector<Words>{{"ip", "link"}, {"port", "show"}}));
    EXPECT_EQ(words_of("  a \t b  \r\nc\r\n"), (std::vector<Words>{{"a", "b"}, {"c"}}));
    EXPECT_EQ(words_of("a\r"), (std::vector<Words>{{"a"}}));
}

TEST(ConfigFile, CommentsBeginAtAWordsStart) {
    EXPECT_EQ(words_of("# all\na # rest 'not \" a quote\nb#c '#'d \\#e"),
              (std::vector<Words>{{"a"}, {"b#c", "#d", "#e"}}));
    EXPECT_EQ(words_of("# ends with \\\nb"), (std::vector<Words>{{"b"}}));
}

TEST(ConfigFile, QuotesAsTheShell) {
    EXPECT_EQ(words_of(R"(a 'b "c" \d' "e 'f' \" \\ \$ \n" g\ h '' "" i'j'"k")"),
              (std::vector<Words>{{"a", R"(b "c" \d)", R"(e 'f' " \ $ \n)", "g h", "", "", "ijk"}}));
    EXPECT_EQ(words_of("a 'b\nc' d\ne"), (std::vector<Words>{{"a", "b\nc", "d"}, {"e"}}));
    EXPECT_EQ(words_of("a \"b\\\nc\""), (std::vector<Words>{{"a", "bc"}}));
    EXPECT_EQ(words_of("$a `b` ${c} *"), (std::vector<Words>{{"$a", "`b`", "${c}", "*"}}));
}

TEST(ConfigFile, BackslashJoinsLines) {
    EXPECT_EQ(words_of("a \\\n  b\\\nc \\\r\n d\ne"), (std::vector<Words>{{"a", "bc", "d"}, {"e"}}));
}

TEST(ConfigFile, WordsKnowTheirPlace) {
    const auto commands = read("# x\n  ip link \\\n    set 'a b' up # c\n", "f");
    ASSERT_TRUE(commands);
    const auto& command = commands->front();
    EXPECT_EQ(command.words, (Words{"ip", "link", "set", "a b", "up"}));
    EXPECT_EQ(command.places, (std::vector<Place>{{2, 3}, {2, 6}, {3, 5}, {3, 9}, {3, 15}}));
    // Joined: "ip link set a b up"; its columns lead back to the words.
    EXPECT_EQ(command.place(1), (Place{2, 3}));
    EXPECT_EQ(command.place(9), (Place{3, 5}));
    EXPECT_EQ(command.place(13), (Place{3, 9}));
    EXPECT_EQ(command.place(17), (Place{3, 15}));
    EXPECT_EQ(command.place(20), (Place{3, 18}));
    EXPECT_EQ(command.place(0), (Place{2, 3}));
}

TEST(ConfigFile, HereDocumentsAreTheCommandsInput) {
    const auto commands =
        read("iptables-restore -n <<EOF # c\n*filter\n  -A \"x\n # y\nCOMMIT\nEOF\nip link\n", "f");
    ASSERT_TRUE(commands) << commands.error().message;
    ASSERT_EQ(commands->size(), 2u);
    EXPECT_EQ(commands->at(0).words, (Words{"iptables-restore", "-n"}));
    EXPECT_EQ(commands->at(0).input, "*filter\n  -A \"x\n # y\nCOMMIT\n");
    EXPECT_EQ(commands->at(1).places.front(), (Place{7, 1}));
    EXPECT_FALSE(commands->at(1).input);

    const auto tabs = read("a << 'E F' b\nx\nE F\nc <<-E\n\tx\n\tE\nd <<E\nE", "f");
    ASSERT_TRUE(tabs) << tabs.error().message;
    EXPECT_EQ(tabs->at(0).words, (Words{"a", "b"}));
    EXPECT_EQ(tabs->at(0).input, "x\n");
    EXPECT_EQ(tabs->at(1).input, "x\n");
    EXPECT_EQ(tabs->at(2).input, "");
}

TEST(ConfigFile, HalfWrittenFilesAreRefusedWithThePlace) {
    EXPECT_EQ(error_of("a\nb 'c\nd\n"), "f:2:3: this quote is not closed\nb 'c\n  ^\n");
    EXPECT_EQ(error_of("\tb \"c\\\""), "f:1:4: this quote is not closed\n\tb \"c\\\"\n\t  ^\n");
    EXPECT_EQ(error_of("a \\\n"), "f:1:3: the file ends in a joined line\na \\\n  ^\n");
    EXPECT_EQ(error_of("a \\"), "f:1:3: the file ends in a joined line\na \\\n  ^\n");
    EXPECT_EQ(error_of("a <<EOF\nb\n"),
              "f:1:3: the file ends inside this here-document: no line is \"EOF\"\na <<EOF\n  ^\n");
    EXPECT_EQ(error_of("a <<\nb\n"), "f:1:3: '<<' without the word that ends the here-document\na <<\n  ^\n");
    EXPECT_EQ(error_of("<<E\nE\n"), "f:1:1: a here-document without a command\n<<E\n^\n");
    EXPECT_EQ(error_of("a <<E <<F\n"),
              "f:1:7: a second here-document: a command takes one\na <<E <<F\n      ^\n");
    EXPECT_EQ(error_of(std::string_view("a\nb\0c", 5)),
              "f:2:2: a zero byte: this is no text file\nb?c\n ^\n");
}

TEST(ConfigFile, TheCaretStandsUnderTheCharacter) {
    EXPECT_EQ(point_into_file("f", "é\tx y", {1, 6}, "m"), "f:1:6: m\né\tx y\n \t  ^\n");
    EXPECT_EQ(point_into_file("f", "a", {3, 9}, "m"), "f:3:9: m\n\n^\n");
    EXPECT_EQ(point_into_file("f", "a", {}, "m"), "f: m\n");
    const Words words{"ip", "link", "x\n"};
    EXPECT_EQ(point_into_words(words, 9, "m"), "m\nip link x?\n        ^\n");
    EXPECT_EQ(point_into_words(words, 0, "m"), "m\n");
    EXPECT_EQ(point_into_words(words, 12, "m"), "m\nip link x?\n           ^\n");
}

TEST(ConfigFile, QuotingIsReadBackAsItWas) {
    EXPECT_EQ(quote("10.0.0.1/24"), "10.0.0.1/24");
    EXPECT_EQ(quote("!"), "!");
    EXPECT_EQ(quote(""), "''");
    EXPECT_EQ(quote("it's"), R"('it'\''s')");
    for (const auto* word :
         {"", "a b", "#x", "<<E", "\\", "'", "\"", "a\nb", "a\tb", "$x", "é", "-x", "\r", "a\r"}) {
        const auto line = quote(Words{"w", word});
        EXPECT_EQ(words_of(line), (std::vector<Words>{{"w", word}})) << line;
    }
}

}  // namespace
}  // namespace weft::config
