#include <fstream>
#include <iterator>
#include <random>

#include "parse_helpers.h"

namespace precis::index {
namespace {

// A PDF of one text line a page, without a cross-reference table: poppler builds its own.
std::string MakePdf(const std::vector<std::string>& pages, const std::string& title = "") {
  std::string kids, objects;
  for (size_t i = 0; i < pages.size(); ++i) {
    const std::string page = std::to_string(10 + 2 * i), stream = std::to_string(11 + 2 * i);
    const std::string content = pages[i].empty() ? "" : "BT /F1 12 Tf 72 700 Td (" + pages[i] + ") Tj ET";
    kids += page + " 0 R ";
    objects += page +
               " 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents " +
               stream + " 0 R>>\nendobj\n" + stream + " 0 obj\n<</Length " + std::to_string(content.size()) +
               ">>\nstream\n" + content + "\nendstream\nendobj\n";
  }
  return "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Count " +
         std::to_string(pages.size()) + "/Kids[" + kids + "]>>\nendobj\n3 0 obj\n" +
         "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\n4 0 obj\n<</Title(" + title + ")>>\nendobj\n" +
         objects + "trailer\n<</Root 1 0 R/Info 4 0 R>>\n%%EOF\n";
}

TEST(Pdf, PagesAreFoundAgain) {
  const ParsedDocument document = MustParse("a.pdf", MakePdf({"First page here.", "Second one.", "Third."}, "A title"));
  EXPECT_EQ(document.text, "First page here.\n\nSecond one.\n\nThird.");
  EXPECT_EQ(document.title, "A title");
  EXPECT_EQ(document.media_type, "application/pdf");
  EXPECT_EQ(LocateText(document, "First").page_begin, 1);
  EXPECT_EQ(LocateText(document, "Second one.\n\nThird").page_begin, 2);
  EXPECT_EQ(LocateText(document, "Second one.\n\nThird").page_end, 3);
  EXPECT_EQ(LocateText(document, "Third").line_begin, 0);
}

TEST(Pdf, IsToldByItsFirstBytes) { EXPECT_EQ(MustParse("paper", MakePdf({"x"})).media_type, "application/pdf"); }

TEST(Pdf, PagesWithoutTextAreWarnedOf) {
  const ParsedDocument document = MustParse("a.pdf", MakePdf({"One.", "", "Three."}));
  ASSERT_EQ(document.warnings.size(), 1u);
  EXPECT_EQ(document.warnings[0].substr(0, 6), "1 of 3");
  EXPECT_EQ(LocateText(document, "Three").page_begin, 3);
}

TEST(Pdf, ScansAndStrangersAreRefusedPlainly) {
  EXPECT_EQ(ReasonOf(ParseError("a.pdf", MakePdf({"", ""}))), "NO_TEXT");
  EXPECT_EQ(ReasonOf(ParseError("a.pdf", "hello")), "PARSE_FAILED");
  std::ifstream file(PRECIS_SOURCE_DIR "/tests/index/parse/golden/encrypted.pdf", std::ios::binary);
  const std::string encrypted((std::istreambuf_iterator<char>(file)), {});
  ASSERT_FALSE(encrypted.empty());
  const absl::Status status = ParseError("a.pdf", encrypted);
  EXPECT_EQ(ReasonOf(status), "PARSE_FAILED");
  EXPECT_NE(status.message().find("password"), absl::string_view::npos) << status.message();
}

TEST(Pdf, PagesAndTextAreBounded) {
  ParseLimits limits;
  limits.max_pages = 1;
  EXPECT_EQ(ReasonOf(ParseError("a.pdf", MakePdf({"a", "b"}), "", limits)), "TOO_LARGE");
  limits = {};
  limits.max_text_bytes = 5;
  EXPECT_EQ(ReasonOf(ParseError("a.pdf", MakePdf({"longer than five"}), "", limits)), "TOO_LARGE");
}

TEST(Pdf, DamagedFilesDoNoHarm) {
  const std::string good = MakePdf({"First page here.", "Second one."});
  std::mt19937 rng(2);
  for (int round = 0; round < 600; ++round) {
    std::string bytes = good;
    if (round % 3 == 0) bytes.resize(rng() % bytes.size());
    for (int i = 0; i < 8 && !bytes.empty(); ++i) bytes[rng() % bytes.size()] = static_cast<char>(rng());
    const auto document = ParseDocument("a.pdf", "", bytes, ParseLimits{}, CallContext());
    if (!document.ok()) {
      EXPECT_NE(ReasonOf(document.status()), "") << document.status();
    }
  }
}

}  // namespace
}  // namespace precis::index
