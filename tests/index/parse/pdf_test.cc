#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "parse_helpers.h"
#include "source_file.h"

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

std::string ReadGolden(const std::string& name) {
  std::ifstream file(SourceFile("tests/index/parse/golden/") + name, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  EXPECT_FALSE(bytes.empty()) << name;
  return bytes;
}

// A small file whose one page unpacks to four million letters, of which poppler keeps some hundred bytes each.
// Unused under ASan, where a bound on the address space cannot be set.
[[maybe_unused]] std::string MakeBomb() {
  std::string content = "BT /F1 8 Tf ";
  for (int i = 0; i < 30'000; ++i) {
    content += "1 0 0 1 20 " + std::to_string(12 * i) + " Tm (" + std::string(120, 'a') + ") Tj ";
  }
  content += "ET";
  std::string packed(compressBound(content.size()), '\0');
  uLongf size = packed.size();
  EXPECT_EQ(compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(content.data()),
                     content.size()),
            Z_OK);
  packed.resize(size);
  std::string pdf = MakePdf({"PLACEHOLDER"});
  const size_t stream = pdf.find("<</Length ", pdf.find("11 0 obj"));
  pdf.resize(stream);
  pdf.replace(pdf.find("612 792"), 7, "612 400000");
  return pdf + "<</Filter/FlateDecode/Length " + std::to_string(packed.size()) + ">>\nstream\n" + packed +
         "\nendstream\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n";
}

// The error of a reader that goes wrong in the way `how`.
absl::Status ErrorOfFake(const std::string& how, ParseLimits limits = {}, const CallContext& call = {}) {
  limits.pdf_reader = PRECIS_FAKE_PDF_READER;
  return ParseDocument("a.pdf", "", "%PDF-1.4 " + how, limits, call).status();
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
  const absl::Status status = ParseError("a.pdf", ReadGolden("encrypted.pdf"));
  EXPECT_EQ(ReasonOf(status), "PARSE_FAILED");
  EXPECT_NE(status.message().find("password"), absl::string_view::npos) << status.message();
}

TEST(Pdf, PagesAndTextAreBounded) {
  ParseLimits limits = TestLimits();
  limits.max_pages = 1;
  EXPECT_EQ(ReasonOf(ParseError("a.pdf", MakePdf({"a", "b"}), "", limits)), "TOO_LARGE");
  limits = TestLimits();
  limits.max_text_bytes = 5;
  EXPECT_EQ(ReasonOf(ParseError("a.pdf", MakePdf({"longer than five"}), "", limits)), "TOO_LARGE");
}

TEST(Pdf, DamagedFilesDoNoHarm) {
  const std::string good = MakePdf({"First page here.", "Second one."});
  std::mt19937 rng(2);
  for (int round = 0; round < 100; ++round) {
    std::string bytes = good;
    if (round % 3 == 0) bytes.resize(rng() % bytes.size());
    for (int i = 0; i < 8 && !bytes.empty(); ++i) bytes[rng() % bytes.size()] = static_cast<char>(rng());
    const auto document = ParseDocument("a.pdf", "", bytes, TestLimits(), CallContext());
    if (!document.ok()) {
      EXPECT_NE(ReasonOf(document.status()), "") << document.status();
    }
  }
}

TEST(Pdf, ARealFileReadsAndACutOneIsAnErrorOrSaysWhatIsMissing) {
  const std::string whole = ReadGolden("report.pdf");
  const ParsedDocument document = MustParse("report.pdf", whole);
  EXPECT_EQ(document.title, "Annual report");
  EXPECT_TRUE(absl::StrContains(document.text, "40. The harbour took 1,204 ships in March.")) << document.text;
  EXPECT_EQ(LocateText(document, "7. Repairs to the north pier").page_begin, 2);
  for (int tenth = 1; tenth < 10; ++tenth) {
    const auto cut = ParseDocument("report.pdf", "", std::string_view(whole).substr(0, whole.size() * tenth / 10),
                                   TestLimits(), CallContext());
    if (cut.ok()) {
      EXPECT_TRUE(cut->text == document.text || !cut->warnings.empty()) << "cut at " << tenth << " tenths";
    } else {
      EXPECT_NE(ReasonOf(cut.status()), "") << cut.status();
    }
  }
}

TEST(Pdf, AReaderThatCrashesIsOneErrorThatNamesThePage) {
  for (const char* how : {"ABORT", "SEGV", "EXIT"}) {
    const absl::Status status = ErrorOfFake(how);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(ReasonOf(status), "PARSE_FAILED");
    EXPECT_TRUE(absl::StrContains(status.message(), "page 2 of 3")) << status;
  }
  EXPECT_TRUE(absl::StrContains(ErrorOfFake("ABORT").message(), "signal 6")) << ErrorOfFake("ABORT");
  EXPECT_TRUE(absl::StrContains(ErrorOfFake("EXIT").message(), "exit status 7")) << ErrorOfFake("EXIT");
}

TEST(Pdf, AReaderThatHangsIsGivenUpAfterItsTime) {
  ParseLimits limits;
  limits.pdf_seconds = 1;
  for (const char* how : {"HANG", "MUTE"}) {
    const absl::Time began = absl::Now();
    const absl::Status status = ErrorOfFake(how, limits);
    EXPECT_EQ(ReasonOf(status), "PARSE_FAILED") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "limit of 1 seconds")) << status;
    EXPECT_GE(absl::Now() - began, absl::Seconds(1));
  }
}

TEST(Pdf, ACancelledCallEndsTheReader) {
  const CallContext call = CallContext::Make();
  std::thread canceller([&] { call.Cancel(); });
  EXPECT_TRUE(absl::IsCancelled(ErrorOfFake("HANG", {}, call)));
  canceller.join();
  EXPECT_TRUE(absl::IsDeadlineExceeded(ErrorOfFake("HANG", {}, CallContext(absl::Now() + absl::Milliseconds(50)))));
}

TEST(Pdf, AReaderThatFloodsOrLiesIsNotBelieved) {
  ParseLimits limits;
  limits.max_text_bytes = 1 << 20;
  EXPECT_EQ(ReasonOf(ErrorOfFake("FLOOD", limits)), "TOO_LARGE");
  EXPECT_EQ(ReasonOf(ErrorOfFake("GARBAGE")), "PARSE_FAILED");
  EXPECT_EQ(ReasonOf(ErrorOfFake("LATIN1")), "PARSE_FAILED");
}

TEST(Pdf, AReaderGetsNeitherOurEnvironmentNorOurFiles) {
  setenv("PRECIS_SECRET_OF_TEST", "1", 1);
  const int inherited = dup(STDIN_FILENO);  // without close-on-exec
  ParseLimits limits;
  limits.pdf_reader = PRECIS_FAKE_PDF_READER;
  const auto document = ParseDocument("a.pdf", "", "%PDF-1.4 ENVIRONMENT", limits, CallContext());
  close(inherited);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->text, "The first page came.\n\nclean\n\nno files");
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(Pdf, MemoryIsBounded) {
  ParseLimits limits = TestLimits();
  limits.pdf_memory_bytes = 200 << 20;
  EXPECT_TRUE(ParseDocument("a.pdf", "", MakePdf({"x"}), limits, CallContext()).ok());
  const absl::Status status = ParseError("bomb.pdf", MakeBomb(), "", limits);
  EXPECT_TRUE(ReasonOf(status) == "PARSE_FAILED" || ReasonOf(status) == "TOO_LARGE") << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "200 MiB")) << status;
}
#endif

TEST(Pdf, AMissingReaderIsNamed) {
  ParseLimits limits;
  limits.pdf_reader = "/nowhere/precis-pdf-reader";
  const absl::Status status = ParseError("a.pdf", MakePdf({"x"}), "", limits);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "/nowhere/precis-pdf-reader")) << status;
}

}  // namespace
}  // namespace precis::index
