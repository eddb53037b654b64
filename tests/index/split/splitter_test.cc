#include "precis/split/splitter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "fake_tokenizers.h"
#include "precis/base/utf8.h"

namespace precis::split {
namespace {

using Strings = std::vector<std::string>;

SplitOptions Options(const engine::Tokenizer& tokenizer, SplitMode mode, int max_tokens, int overlap = 0) {
  SplitOptions options;
  options.mode = mode;
  options.max_tokens = max_tokens;
  options.overlap_tokens = overlap;
  options.tokenizer = &tokenizer;
  return options;
}

SplitResult MustSplit(std::string_view text, const SplitOptions& options) {
  auto result = Split(text, options, CallContext());
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *result : SplitResult{};
}

Strings Texts(std::string_view text, const SplitResult& result) {
  Strings texts;
  for (const Piece& piece : result.pieces) texts.emplace_back(Slice(text, piece.range));
  return texts;
}

bool IsBlank(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const DecodedChar c = DecodeUtf8(text, i);
    const bool space = c.code_point == ' ' || (c.code_point >= '\t' && c.code_point <= '\r') || c.code_point == 0xA0 ||
                       c.code_point == 0x3000;
    if (!space) return false;
    i += static_cast<size_t>(c.length);
  }
  return true;
}

void CheckPromises(std::string_view text, const SplitOptions& options) {
  const SplitResult result = MustSplit(text, options);
  int64_t covered = 0, begin = -1;
  for (const Piece& piece : result.pieces) {
    const std::string_view bytes = Slice(text, piece.range);
    ASSERT_GT(piece.range.begin, begin);
    ASSERT_GT(piece.range.end, covered);  // each piece brings something new
    if (piece.range.begin > covered) {
      ASSERT_TRUE(IsBlank(Slice(text, {covered, piece.range.begin})));
    } else {
      ASSERT_LE(*options.tokenizer->CountTokens(Slice(text, {piece.range.begin, covered})), options.overlap_tokens);
    }
    ASSERT_FALSE(IsBlank(bytes));
    ASSERT_EQ(*options.tokenizer->CountTokens(bytes), piece.tokens);
    ASSERT_LE(piece.tokens, options.max_tokens);
    if (IsValidUtf8(text)) {
      ASSERT_TRUE(IsValidUtf8(bytes));
    }
    begin = piece.range.begin;
    covered = piece.range.end;
  }
  ASSERT_TRUE(IsBlank(text.substr(static_cast<size_t>(covered))));
}

TEST(Splitter, KeepsItsPromisesOnRandomTexts) {
  const Strings alphabet = {"word",
                            "a",
                            "The",
                            ". ",
                            "! ",
                            "\n",
                            "\n\n",
                            "\r\n",
                            "\t",
                            "    ",
                            "# H",
                            "## ",
                            "\n- ",
                            "| x |",
                            "\n```\n",
                            "\xEF\xBB\xBF",
                            "\xC3\xA9",
                            "\xE6\x9D\xB1\xE3\x80\x82",
                            "\xF0\x9F\x98\x80",
                            "longlonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglonglong",
                            "\n}\n",
                            "\n===\n",
                            "\xFF",
                            "\xC2\xA0"};
  const WordTokenizer words;
  const ByteTokenizer bytes;
  const NastyTokenizer nasty;
  const engine::Tokenizer* tokenizers[] = {&words, &bytes, &nasty};
  const SplitMode modes[] = {SplitMode::kProse, SplitMode::kMarkdown, SplitMode::kCodeLines};
  std::mt19937 rng(17);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (int i = static_cast<int>(rng() % 150); i > 0; --i) {
      text += alphabet[rng() % alphabet.size()];
      if (rng() % 3 == 0) text += " ";
    }
    const int max_tokens = 16 + static_cast<int>(rng() % 40);
    const int overlap = round % 2 == 0 ? 0 : static_cast<int>(rng() % (max_tokens / 2 + 1));
    const SplitOptions options = Options(*tokenizers[round % 3], modes[rng() % 3], max_tokens, overlap);
    ASSERT_NO_FATAL_FAILURE(CheckPromises(text, options)) << testing::PrintToString(text);
  }
}

TEST(Splitter, ProseEndsPiecesAtParagraphsWhereTheyAreFullEnough) {
  const WordTokenizer words;
  const std::string text = "one two six. ten few bit. for the dog.\n\nnew all any. and you say. cat mat hat.";
  const SplitResult result = MustSplit(text, Options(words, SplitMode::kProse, 16));
  EXPECT_EQ(Texts(text, result),
            (Strings{"one two six. ten few bit. for the dog.", "new all any. and you say. cat mat hat."}));
}

TEST(Splitter, MarkdownSectionsBeginPiecesAndNameTheirHeadings) {
  const WordTokenizer words;
  const std::string text =
      "# A\n\naaa aaa aaa aaa aaa aaa.\n\n## B\n\nbbb bbb bbb bbb bbb bbb.\n\nC\n===\n\nccc ccc ccc ccc ccc ccc.\n";
  const SplitResult result = MustSplit(text, Options(words, SplitMode::kMarkdown, 16));
  ASSERT_EQ(result.pieces.size(), 3u);
  EXPECT_EQ(result.pieces[0].heading_path, Strings{"A"});
  EXPECT_EQ(result.pieces[1].heading_path, (Strings{"A", "B"}));
  EXPECT_EQ(Texts(text, result)[1], "## B\n\nbbb bbb bbb bbb bbb bbb.");
}

TEST(Splitter, SmallSectionsShareAPieceUnderTheirCommonHeading) {
  const WordTokenizer words;
  const std::string text = "# A\n\n## B\n\nbbb.\n\n## C\n\nccc.\n";
  const SplitResult result = MustSplit(text, Options(words, SplitMode::kMarkdown, 64));
  ASSERT_EQ(result.pieces.size(), 1u);
  EXPECT_EQ(result.pieces[0].heading_path, Strings{"A"});
}

TEST(Splitter, AHeadingStaysWithItsText) {
  const WordTokenizer words;
  const std::string text = "a b c d e f g h i j k l m n.\n\n# H\n\nx y z.";
  const SplitResult result = MustSplit(text, Options(words, SplitMode::kMarkdown, 17));
  EXPECT_EQ(Texts(text, result), (Strings{"a b c d e f g h i j k l m n.", "# H\n\nx y z."}));
}

TEST(Splitter, AFenceThatFitsStaysWhole) {
  const WordTokenizer words;
  const std::string text = "a b c d.\n\n```\nf g h i\nj k l m\nn o p q\n```\n\nr s t.";
  const SplitResult result = MustSplit(text, Options(words, SplitMode::kMarkdown, 16));
  EXPECT_EQ(Texts(text, result), (Strings{"a b c d.", "```\nf g h i\nj k l m\nn o p q\n```", "r s t."}));
}

TEST(Splitter, CodeIsCutBetweenTopLevelDefinitionsAndKeepsItsIndentation) {
  const WordTokenizer words;
  const std::string text = "def f(x):\n    y = x\n    return y\n\ndef g(x):\n    z = x\n\n    return z\n";
  const SplitResult result = MustSplit(text, Options(words, SplitMode::kCodeLines, 16));
  EXPECT_EQ(Texts(text, result),
            (Strings{"def f(x):\n    y = x\n    return y", "def g(x):\n    z = x\n\n    return z"}));
  const SplitResult small = MustSplit("if a:\n    bbb ccc ddd eee fff ggg hhh\n    iii jjj kkk lll mmm nnn ooo ppp\n",
                                      Options(words, SplitMode::kCodeLines, 16));
  ASSERT_EQ(small.pieces.size(), 2u);
  EXPECT_EQ(small.pieces[1].range.begin, 38);  // with the four spaces before "iii"
}

TEST(Splitter, OverlapIsWholeSentencesAndSmallEnough) {
  const WordTokenizer words;
  const std::string text = "A b c d e. F g h. I j k l m n o. P q. R s t u v w x.";
  const SplitResult result = MustSplit(text, Options(words, SplitMode::kProse, 16, 4));
  EXPECT_EQ(Texts(text, result), (Strings{"A b c d e. F g h. I j k l m n o.", "P q. R s t u v w x."}));
  const SplitResult more =
      MustSplit("A b c d. E f g h. I j k l. M n o. P q r. S t u v.", Options(words, SplitMode::kProse, 16, 4));
  ASSERT_EQ(more.pieces.size(), 2u);
  EXPECT_EQ(more.pieces[1].range.begin, 27);  // "m n o." stands in both
}

TEST(Splitter, OverlapNeverBeginsInsideAFence) {
  const WordTokenizer words;
  const std::string text = "A b c d e f g.\n\n```\nh i\nj k\n```\n\nl m n o. p q r s t.";
  const SplitResult result = MustSplit(text, Options(words, SplitMode::kMarkdown, 16, 8));
  ASSERT_EQ(result.pieces.size(), 2u);
  EXPECT_EQ(Texts(text, result)[1], "```\nh i\nj k\n```\n\nl m n o. p q r s t.");
  const SplitResult less = MustSplit(text, Options(words, SplitMode::kMarkdown, 16, 4));
  ASSERT_EQ(less.pieces.size(), 2u);
  EXPECT_EQ(Texts(text, less)[1], "l m n o. p q r s t.");
}

TEST(Splitter, SmallDefinitionsShareAPiece) {
  const WordTokenizer words;
  const std::string text = "def f():\n    x\n\ndef g():\n    y\n\ndef h():\n    z\n";
  EXPECT_EQ(MustSplit(text, Options(words, SplitMode::kCodeLines, 16)).pieces.size(), 1u);
}

TEST(Splitter, AWordLongerThanAPieceIsCutWithAWarning) {
  const WordTokenizer words;
  const std::string text(400, 'x');
  const SplitResult result = MustSplit(text, Options(words, SplitMode::kProse, 16));
  EXPECT_EQ(result.pieces.size(), 7u);
  ASSERT_FALSE(result.warnings.empty());
  EXPECT_NE(result.warnings[0].find("byte 64"), std::string::npos) << result.warnings[0];
}

TEST(Splitter, BlankTextHasNoPieces) {
  const WordTokenizer words;
  for (const char* text : {"", " \n\r\n\t "}) {
    for (const SplitMode mode : {SplitMode::kProse, SplitMode::kMarkdown, SplitMode::kCodeLines}) {
      EXPECT_TRUE(MustSplit(text, Options(words, mode, 16)).pieces.empty());
    }
  }
}

TEST(Splitter, AutoGoesByMediaTypeAndLanguage) {
  const WordTokenizer words;
  const auto mode_of = [&](const char* media_type, const char* language) {
    SplitOptions options = Options(words, SplitMode::kAuto, 16);
    options.media_type = media_type;
    options.language = language;
    return MustSplit("x", options).mode;
  };
  EXPECT_EQ(mode_of("", ""), SplitMode::kProse);
  EXPECT_EQ(mode_of("text/plain", "en"), SplitMode::kProse);
  EXPECT_EQ(mode_of("text/plain", "pt-BR"), SplitMode::kProse);
  EXPECT_EQ(mode_of("application/pdf", ""), SplitMode::kProse);
  EXPECT_EQ(mode_of("text/markdown; charset=utf-8", ""), SplitMode::kMarkdown);
  EXPECT_EQ(mode_of("text/html", "en"), SplitMode::kMarkdown);
  EXPECT_EQ(mode_of("text/x-python", "python"), SplitMode::kCodeLines);
  EXPECT_EQ(mode_of("", "go"), SplitMode::kCodeLines);
  EXPECT_EQ(mode_of("application/json", ""), SplitMode::kCodeLines);
}

TEST(Splitter, RefusesWhatItCannotDoWithASentence) {
  const WordTokenizer words;
  const auto code = [&](SplitOptions options) { return Split("a", options, CallContext()).status().code(); };
  EXPECT_EQ(code(Options(words, SplitMode::kSea, 64)), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(code(Options(words, SplitMode::kProse, 15)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Options(words, SplitMode::kProse, 16, 9)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Options(words, SplitMode::kProse, 16, -1)), absl::StatusCode::kInvalidArgument);
  SplitOptions none = Options(words, SplitMode::kProse, 16);
  none.tokenizer = nullptr;
  EXPECT_EQ(code(none), absl::StatusCode::kInvalidArgument);
  const CallContext call = CallContext::Make();
  call.Cancel();
  EXPECT_EQ(Split("a", Options(words, SplitMode::kProse, 16), call).status().code(), absl::StatusCode::kCancelled);
}

TEST(Splitter, TimeIsNearLinearWithoutWhiteSpace) {
  const WordTokenizer words;
  for (const std::string unit : {"x", ".", "\xE6\x9D\xB1", "# a\n", "```\n", "| a |\n", "\n"}) {
    for (const SplitMode mode : {SplitMode::kProse, SplitMode::kMarkdown, SplitMode::kCodeLines}) {
      std::string text;
      while (text.size() < (1 << 20)) text += unit;
      const auto start = std::chrono::steady_clock::now();
      MustSplit(text, Options(words, mode, 256, 32));
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      EXPECT_LT(seconds.count(), 3.0) << unit << " mode " << static_cast<int>(mode);
    }
  }
}

}  // namespace
}  // namespace precis::split
