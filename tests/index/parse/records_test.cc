// JSON, JSON Lines and CSV.
#include "parse_helpers.h"

namespace precis::index {
namespace {

TEST(Json, LeavesBecomeLinesThatKeepTheirPlace) {
  const std::string json = "{\n  \"name\": \"Ann \\u00e9\",\n  \"tags\": [\"x\", 2.50, null],\n  \"empty\": {}\n}\n";
  const ParsedDocument document = MustParse("a.json", json);
  EXPECT_EQ(document.text, "name: Ann \xC3\xA9\ntags[0]: x\ntags[1]: 2.50\ntags[2]: null\nempty: {}\n");
  EXPECT_EQ(LocateText(document, "2.50").line_begin, 3);
  EXPECT_EQ(LocateText(document, "2.50").original_range->begin, static_cast<int64_t>(json.find("2.50")));
  EXPECT_EQ(LocateText(document, "Ann").line_begin, 2);
}

TEST(Json, RecordsOfAListAreToldApart) {
  EXPECT_EQ(MustParse("a.json", R"([{"a": 1}, {"a": 2}])").text, "[0].a: 1\n\n[1].a: 2\n");
  EXPECT_EQ(MustParse("a.json", "\"alone\"").text, "alone\n");
}

TEST(Json, EscapesAreDecoded) {
  EXPECT_EQ(MustParse("a.json", R"({"a": "\"\\\/\n\t\ud83d\ude00 \ud83d x"})").text,
            "a: \"\\/\n\t\xF0\x9F\x98\x80 \xEF\xBF\xBD x\n");
}

TEST(Json, BrokenInputNamesTheLine) {
  for (const char* broken : {"{\"a\": 1,\n}", "{\n\"a\" 1}", "[1,\n2", "\n{\"a\": tru}", "1\n2", "[\n\"\\x\"]",
                             "[\n\"abc", "[\n0x1]", "[\n--1]", "[\n\"\\u12G4\"]"}) {
    const absl::Status status = ParseError("a.json", broken);
    EXPECT_EQ(ReasonOf(status), "PARSE_FAILED") << broken;
    EXPECT_NE(status.message().find("line 2"), absl::string_view::npos) << broken << ": " << status.message();
  }
  EXPECT_EQ(ReasonOf(ParseError("a.json", std::string(100'000, '['))), "PARSE_FAILED");
}

TEST(JsonLines, EveryRecordIsABlockOfItsLine) {
  const ParsedDocument document = MustParse("a.jsonl", "{\"t\": \"one\"}\r\n\r\n{\"t\": \"two\", \"n\": 1}\n");
  EXPECT_EQ(document.text, "t: one\n\nt: two\nn: 1\n");
  EXPECT_EQ(LocateText(document, "two").line_begin, 3);
  const absl::Status status = ParseError("a.jsonl", "{}\n{\"a\": \n1}\n");
  EXPECT_NE(status.message().find("line 2"), absl::string_view::npos) << status.message();
}

TEST(Csv, RecordsRepeatTheHeader) {
  const std::string csv = "name,age\r\n\"Smith, \"\"Jo\"\"\",42\r\nAnn,\r\n";
  const ParsedDocument document = MustParse("a.csv", csv);
  EXPECT_EQ(document.text, "name: Smith, \"Jo\"\nage: 42\n\nname: Ann\n");
  EXPECT_EQ(LocateText(document, "42").line_begin, 2);
  EXPECT_EQ(LocateText(document, "Ann").line_begin, 3);
  EXPECT_EQ(LocateText(document, "Ann").original_range->begin, static_cast<int64_t>(csv.find("Ann")));
  EXPECT_TRUE(document.warnings.empty());
}

TEST(Csv, TheDelimiterIsToldFromTheFirstLine) {
  EXPECT_EQ(MustParse("a.csv", "a;b\n1,5;2\n").text, "a: 1,5\nb: 2\n");
  EXPECT_EQ(MustParse("a.tsv", "a\tb\n1\t2\n").text, "a: 1\nb: 2\n");
  EXPECT_EQ(MustParse("a.csv", "\"x;y;z\",b\n1,2\n").text, "x;y;z: 1\nb: 2\n");
}

TEST(Csv, LinesInsideQuotesStayInTheirField) {
  const ParsedDocument document = MustParse("a.csv", "a,b\n\"one\ntwo\",3\n4,5\n");
  EXPECT_EQ(document.text, "a: one\ntwo\nb: 3\n\na: 4\nb: 5\n");
  EXPECT_EQ(LocateText(document, "one\ntwo").line_end, 3);
  EXPECT_EQ(LocateText(document, "4").line_begin, 4);
}

TEST(Csv, OddRecordsAreWarnedOf) {
  const ParsedDocument uneven = MustParse("a.csv", "a,b\n1,2,3\n4\n");
  EXPECT_EQ(uneven.text, "a: 1\nb: 2\ncolumn 3: 3\n\na: 4\n");
  ASSERT_EQ(uneven.warnings.size(), 1u);
  EXPECT_EQ(uneven.warnings[0].substr(0, 9), "2 records");
  EXPECT_EQ(MustParse("a.csv", "a\n\"open\nb\n").warnings.size(), 1u);
  EXPECT_EQ(MustParse("a.csv", "a,b\n").text, "a\nb\n");
}

}  // namespace
}  // namespace precis::index
