#include <random>

#include "absl/strings/str_cat.h"
#include "parse_helpers.h"
#include "precis/text/sentences.h"

namespace precis::index {
namespace {

std::string Text(std::string_view html) { return MustParse("a.html", html).text; }

TEST(Html, BlocksBecomeParagraphsAndWhiteSpaceCollapses) {
  EXPECT_EQ(Text("<p>One  <b>bold</b>\n word</p><p>Two<br>lines</p><div>Three</div>"),
            "One bold word\n\nTwo\nlines\n\nThree");
  EXPECT_EQ(Text("<h2>A <i>title</i>\nhere</h2><p>x"), "## A title here\n\nx");
}

TEST(Html, ListsTablesAndCodeKeepTheirShape) {
  EXPECT_EQ(Text("<p>x<ul><li>one<li><p>two</p><ul><li>inner</ul></ul><p>y"), "x\n\n- one\n- two\n  - inner\n\ny");
  EXPECT_EQ(Text("<ol><li>one</li><li>two</li></ol>"), "1. one\n2. two");
  EXPECT_EQ(Text("<table><tr><th>a</th><th>b</th></tr><tr><td><p>1</p></td><td></td><td>3</td></tr></table>"),
            "a | b\n1 |  | 3");
  EXPECT_EQ(Text("<p>x<pre>\ndef f():\n    <b>return</b> 1\n</pre>y"), "x\n\n```\ndef f():\n    return 1\n```\n\ny");
}

TEST(Html, EntitiesAreDecoded) {
  EXPECT_EQ(Text("<p>a &lt;b&gt; &amp;amp; caf&eacute; &#x20AC; &nosuch; A&B"),
            "a <b> &amp; caf\xC3\xA9 \xE2\x82\xAC &nosuch; A&B");
}

TEST(Html, FurnitureIsLeftOutAndCounted) {
  const ParsedDocument document =
      MustParse("a.html",
                "<html lang=de><head><title> My\n page </title><style>p{}</style></head><body><header>Logo</header>"
                "<div class='x sphinxsidebar'>Previous topic</div><nav>Menu</nav><p>Text<a class=headerlink>#</a></p>"
                "<div class=navfooter>Next</div><script>var x;</script><footer>Copyright</footer><p hidden>no</body>");
  EXPECT_EQ(document.text, "Text");
  EXPECT_EQ(document.title, "My page");
  EXPECT_EQ(document.language, "de");
  ASSERT_EQ(document.warnings.size(), 1u);
  EXPECT_EQ(document.warnings[0].substr(0, 17), "Left out 35 bytes");
}

TEST(Html, WhereThereIsAMainPartOnlyThatIsText) {
  EXPECT_EQ(Text("<div>Menu</div><div role=main><header>Head</header>Text</div><div>Foot</div>"), "Head\n\nText");
  EXPECT_EQ(Text("<p>a<article>b</article>"), "b");
  EXPECT_EQ(Text("<article>a</article><article>b</article>"), "a\n\nb");  // a list of articles, none of them the page
}

TEST(Html, TheDeclaredCharsetIsRead) {
  const ParsedDocument document =
      MustParse("a.html", "<html><head><meta charset=\"iso-8859-1\"></head><body>\n<p>caf\xE9\n<p>\x93quoted\x94 word");
  EXPECT_EQ(document.text, "caf\xC3\xA9\n\n\xE2\x80\x9Cquoted\xE2\x80\x9D word");
  EXPECT_EQ(LocateText(document, "word").line_begin, 3);
  EXPECT_EQ(document.warnings.size(), 1u);
}

// Every sentence is located at the line where it stands in the source: the promise behind "file:line" citations.
TEST(Html, EverySentenceIsLocatedAtItsLine) {
  const std::vector<std::string> noise = {"&amp; ",
                                          "<b>bold</b> ",
                                          "caf&eacute; ",
                                          "<!-- note -->",
                                          "\n",
                                          "\r\n",
                                          "<i>",
                                          "x &lt; y ",
                                          "\xE2\x82\xAC ",
                                          "</i> ",
                                          "a&b ",
                                          "<br>",
                                          "<span>in</b></span> ",
                                          "&#65;",
                                          "  \t "};
  const std::vector<std::string> opens = {"<p>", "<div>", "<li>", "<h2>", "<pre>", "<td>", "<blockquote>"};
  const std::vector<std::string> closes = {"</p>", "</div>", "</li>", "</h2>", "</pre>", "</td>", "</blockquote>"};
  std::mt19937 rng(7);
  for (int round = 0; round < 300; ++round) {
    std::string html = "<html><body>\n";
    const int blocks = 12;
    for (int block = 0; block < blocks; ++block) {
      const size_t kind = rng() % opens.size();
      html += kind == 5 ? "<table><tr><td>" : opens[kind];
      for (int i = static_cast<int>(rng() % 6); i > 0; --i) html += noise[rng() % noise.size()];
      absl::StrAppend(&html, "Unique", round, "x", block, "word.");
      for (int i = static_cast<int>(rng() % 6); i > 0; --i) html += noise[rng() % noise.size()];
      html += kind == 5 ? "</td></tr></table>" : closes[kind];
      if (rng() % 2 == 0) html += "\n";
    }
    const ParsedDocument document = MustParse("a.html", html);
    for (int block = 0; block < blocks; ++block) {
      const std::string word = absl::StrCat("Unique", round, "x", block, "word");
      const SourceLocation location = LocateText(document, word);
      ASSERT_EQ(location.line_begin, LineOf(html, word)) << html;
      ASSERT_EQ(location.line_end, LineOf(html, word)) << html;
      ASSERT_EQ(Slice(html, *location.original_range), word) << html;
    }
    int64_t position = 0;
    for (const ByteRange& sentence : text::SplitSentences(document.text)) {
      const SourceLocation location = document.map.Locate(sentence);
      ASSERT_GE(location.original_range->end, position);  // in the order of the page
      position = location.original_range->begin;
    }
  }
}

TEST(Html, EndlessNestingIsRefusedBeforeItIsParsed) {
  const auto repeat = [](std::string_view unit, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += unit;
    return text;
  };
  for (const std::string_view unit :
       {"<div>", "<b>", "<div></x>", "<div/>", "<svg><div><path/></svg>", "<ul><li>", "<x-y>"}) {
    EXPECT_EQ(ReasonOf(ParseError("a.html", repeat(unit, 300'000))), "PARSE_FAILED") << unit;
  }
  EXPECT_EQ(Text(repeat("<div>", 900) + "deep"), "deep");
  EXPECT_EQ(Text("<p>icons" + repeat("<svg><title>t</title><path d='M0'/><g><path/></g></svg>", 3000)), "icons");
  EXPECT_EQ(Text(repeat("<p>x<br><li>", 3000)).substr(0, 1), "x");
}

}  // namespace
}  // namespace precis::index
