#include "parse/decoded_text.h"

#include "parse_helpers.h"
#include "precis/base/utf8.h"

namespace precis::index {
namespace {

TEST(DecodedText, AByteOrderMarkIsDroppedAndMapped) {
  const ParsedDocument document = MustParse("a.txt", "\xEF\xBB\xBFhello\nworld");
  EXPECT_EQ(document.text, "hello\nworld");
  EXPECT_EQ(LocateText(document, "hello").original_range, (ByteRange{3, 8}));
  EXPECT_EQ(LocateText(document, "world").original_range, (ByteRange{9, 14}));
  EXPECT_EQ(LocateText(document, "world").line_begin, 2);
}

TEST(DecodedText, AFewInvalidBytesAreReplacedAndCounted) {
  const std::string original = std::string(150, 'a') + "\xFF" + "caf\xE9 end\n" + std::string(100, 'b');
  const ParsedDocument document = MustParse("a.txt", original);
  EXPECT_TRUE(IsValidUtf8(document.text));
  ASSERT_EQ(document.warnings.size(), 1u);
  EXPECT_EQ(document.warnings[0].substr(0, 7), "2 bytes");
  EXPECT_EQ(LocateText(document, "caf").original_range, (ByteRange{151, 154}));
  EXPECT_EQ(LocateText(document, "\xEF\xBF\xBD end").original_range, (ByteRange{154, 159}));
  EXPECT_EQ(LocateText(document, "bbb").original_range, (ByteRange{160, 163}));
}

TEST(DecodedText, ManyInvalidBytesAreRefused) {
  const absl::Status status = ParseError("a.txt", "caf\xE9 cr\xE8me");
  EXPECT_EQ(ReasonOf(status), "INVALID_UTF8");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST(DecodedText, ADeclaredCharsetIsReadAndMapped) {
  const std::string original = "caf\xE9\ncr\xE8me \x80 5";
  const ParsedDocument document = MustParse("a.txt", original, "text/plain; charset=ISO-8859-1");
  EXPECT_EQ(document.text, "caf\xC3\xA9\ncr\xC3\xA8me \xE2\x82\xAC 5");
  EXPECT_EQ(document.warnings.size(), 1u);
  EXPECT_EQ(LocateText(document, "\xC3\xA8me").original_range, (ByteRange{7, 10}));
  EXPECT_EQ(LocateText(document, "\xC3\xA8me").line_begin, 2);
  EXPECT_EQ(LocateText(document, " 5").original_range, (ByteRange{12, 14}));
  EXPECT_EQ(ReasonOf(ParseError("a.txt", original, "text/plain; charset=klingon")), "INVALID_UTF8");
}

TEST(DecodedText, Utf16WithAMarkIsRead) {
  std::string original = "\xFF\xFE";
  for (const char c : std::string("one\ntwo")) original += {c, '\0'};
  const ParsedDocument document = MustParse("a.txt", original);
  EXPECT_EQ(document.text, "one\ntwo");
  EXPECT_EQ(LocateText(document, "two").original_range, (ByteRange{10, 16}));
  EXPECT_EQ(LocateText(document, "two").line_begin, 2);
}

TEST(DecodedText, NulBytesMeanBinary) {
  EXPECT_EQ(ReasonOf(ParseError("a.txt", std::string(100, '\0'))), "UNSUPPORTED_MEDIA_TYPE");
  EXPECT_EQ(ReasonOf(ParseError("photo", std::string("\x89PNG\r\n\x1a\n\0\0\0\x0d", 12))), "UNSUPPORTED_MEDIA_TYPE");
}

}  // namespace
}  // namespace precis::index
