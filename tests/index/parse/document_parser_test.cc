#include "parse/document_parser.h"

#include <random>

#include "parse_helpers.h"
#include "precis/base/utf8.h"
#include "precis/text/sentences.h"

namespace precis::index {
namespace {

TEST(DocumentParser, TextIsStoredByteForByte) {
  const std::string text = "one\r\ntwo \tthree\r\n\n  four\n";
  for (const char* uri : {"a.txt", "a.py", "a.md", "a", "LICENSE"}) {
    const ParsedDocument document = MustParse(uri, text);
    EXPECT_EQ(document.text, text) << uri;
    const SourceLocation location = LocateText(document, "four");
    EXPECT_EQ(location.line_begin, 4);
    EXPECT_EQ(location.original_range->begin, static_cast<int64_t>(text.find("four")));
  }
}

TEST(DocumentParser, TheTypeIsToldByWordThenNameThenContent) {
  const auto type_of = [](const char* uri, const char* media_type, const char* content) {
    return MustParse(uri, content, media_type).media_type;
  };
  EXPECT_EQ(type_of("a.txt", "text/markdown", "# x"), "text/markdown");
  EXPECT_EQ(type_of("A.MD", "", "# x"), "text/markdown");
  EXPECT_EQ(type_of("a.md", "application/octet-stream", "# x"), "text/markdown");
  EXPECT_EQ(type_of("https://host/a.md?raw=1#top", "", "# x"), "text/markdown");
  EXPECT_EQ(type_of("page", "", " <!DOCTYPE html><p>x"), "text/html");
  EXPECT_EQ(type_of("feed", "", "<?xml version='1.0'?><rss>x</rss>"), "application/xml");
  EXPECT_EQ(type_of("note", "", "x"), "text/plain");
  EXPECT_EQ(type_of("a.html", "text/plain", "<p>x"), "text/plain");
  EXPECT_EQ(type_of("a.vue", "text/x-vue", "x"), "text/x-vue");
}

TEST(DocumentParser, CodeNamesItsLanguage) {
  EXPECT_EQ(MustParse("dir/a.py", "x = 1").language, "python");
  EXPECT_EQ(MustParse("a.h", "int x;").language, "c++");
  EXPECT_EQ(MustParse("dir/CMakeLists.txt", "project(x)").language, "cmake");
  EXPECT_EQ(MustParse("tool", "#!/usr/bin/env python3\nx = 1").language, "python");
  EXPECT_EQ(MustParse("a.py", "x = 1", "text/plain").language, "python");
  EXPECT_EQ(MustParse("a.txt", "x = 1").language, "");
}

TEST(DocumentParser, MarkdownTitlesComeFromFrontMatterOrTheFirstHeading) {
  EXPECT_EQ(MustParse("a.md", "---\ntitle: \"My page\"\n---\n# Other\n").title, "My page");
  EXPECT_EQ(MustParse("a.md", "text\n\n```\n# no\n```\n## The title ##\n").title, "The title");
  EXPECT_EQ(MustParse("a.md", "The title\r\n=========\r\ntext").title, "The title");
  EXPECT_EQ(MustParse("a.md", "only text").title, "");
}

TEST(DocumentParser, NothingToReadIsAnError) {
  for (const char* content : {"", " \r\n\t ", "\xEF\xBB\xBF", "\xC2\xA0"}) {
    for (const char* uri : {"a.txt", "a.html", "a.json", "a.csv"}) {
      const absl::Status status = ParseError(uri, content);
      EXPECT_EQ(ReasonOf(status), "NO_TEXT") << uri << " " << testing::PrintToString(content);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    }
  }
  EXPECT_EQ(ReasonOf(ParseError("a.html", "<html><script>x</script><nav>y</nav></html>")), "NO_TEXT");
}

TEST(DocumentParser, LimitsAreNamed) {
  ParseLimits limits;
  limits.max_original_bytes = 4;
  const absl::Status large = ParseError("a.txt", "12345", "", limits);
  EXPECT_EQ(ReasonOf(large), "TOO_LARGE");
  EXPECT_NE(large.message().find("5 bytes"), absl::string_view::npos);
  limits = {};
  limits.max_text_bytes = 20;
  EXPECT_EQ(ReasonOf(ParseError("a.csv", "a_long_header\n1\n2\n3\n", "", limits)), "TOO_LARGE");
  EXPECT_EQ(ReasonOf(ParseError("a.html", "<p>" + std::string(100, 'x'), "", limits)), "TOO_LARGE");
  EXPECT_EQ(ReasonOf(ParseError("a.json", "[" + std::string(100, '1') + "]", "", limits)), "TOO_LARGE");
}

TEST(DocumentParser, TypesWithoutAParserAreRefusedByName) {
  const absl::Status status = ParseError("a.docx", "PK", "application/msword");
  EXPECT_EQ(ReasonOf(status), "UNSUPPORTED_MEDIA_TYPE");
  EXPECT_NE(status.message().find("application/msword"), absl::string_view::npos);
}

TEST(DocumentParser, CancelledCallsStop) {
  const CallContext call = CallContext::Make();
  call.Cancel();
  EXPECT_EQ(ParseDocument("a.txt", "", "x", {}, call).status().code(), absl::StatusCode::kCancelled);
}

// Whatever the bytes: an error with a reason, or valid text whose every sentence has a place inside the file.
TEST(DocumentParser, AnyBytesGiveAnErrorOrALocatableText) {
  const std::vector<std::string> alphabet = {"<p>",
                                             "</p>",
                                             "<table>",
                                             "<tr>",
                                             "<td>",
                                             "</table>",
                                             "<pre>",
                                             "</pre>",
                                             "<ul>",
                                             "<li>",
                                             "<!--",
                                             "-->",
                                             "&amp;",
                                             "&#x41;",
                                             "&nosuch;",
                                             "&",
                                             "<",
                                             ">",
                                             "\"",
                                             "{",
                                             "}",
                                             "[",
                                             "]",
                                             ":",
                                             ",",
                                             "\\u00e9",
                                             "\\",
                                             "true",
                                             "12",
                                             "a,b",
                                             "\n",
                                             "\r\n",
                                             "word ",
                                             "Sentence. ",
                                             "\xC3\xA9",
                                             "\xFF",
                                             "<script>",
                                             "</script>",
                                             "<h1>",
                                             "</h1>",
                                             "<![CDATA[",
                                             "]]>",
                                             "%PDF-1.4\n",
                                             "1 0 obj",
                                             "endobj",
                                             "stream\n",
                                             "trailer<</Root 1 0 R>>"};
  std::mt19937 rng(23);
  int read = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string content = round % 8 == 0 ? "%PDF-1.4\n" : "";
    for (int i = static_cast<int>(rng() % 60); i >= 0; --i) content += alphabet[rng() % alphabet.size()];
    const char* uris[] = {"a.html", "a.json", "a.jsonl", "a.csv", "a.md", "a.txt", "a", "a.html"};
    const auto document = ParseDocument(uris[round % 8], "", content, ParseLimits{}, CallContext());
    if (!document.ok()) {
      ASSERT_NE(ReasonOf(document.status()), "") << document.status();
      continue;
    }
    ++read;
    ASSERT_TRUE(IsValidUtf8(document->text));
    for (const ByteRange& sentence : text::SplitSentences(document->text)) {
      const SourceLocation location = document->map.Locate(sentence);
      if (document->media_type == "application/pdf") continue;
      ASSERT_TRUE(location.original_range.has_value());
      ASSERT_GE(location.original_range->begin, 0);
      ASSERT_LE(location.original_range->begin, location.original_range->end);
      ASSERT_LE(location.original_range->end, static_cast<int64_t>(content.size()));
      ASSERT_GE(location.line_begin, 1);
      ASSERT_LE(location.line_begin, location.line_end);
    }
    const auto map = SourceMap::Deserialize(document->map.Serialize());
    ASSERT_TRUE(map.ok());
    ASSERT_EQ(*map, document->map);
  }
  EXPECT_GT(read, 500);
}

}  // namespace
}  // namespace precis::index
