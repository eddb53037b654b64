// What only makes tokenizing faster gives the same result as without it.
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tokenizers/aligned_text.h"
#include "tokenizers/bpe.h"
#include "tokenizers/merge_borders.h"
#include "tokenizers/pair_table.h"
#include "tokenizers/score_bpe.h"
#include "tokenizers/word_cache.h"

namespace precis::engine {
namespace {

std::vector<Piece> PiecesOf(uint32_t offset, size_t size, size_t count, TokenId first_id) {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < count; ++i) {
    const auto begin = offset + static_cast<uint32_t>(size * i / count);
    pieces.push_back(
        {first_id + static_cast<TokenId>(i), begin, offset + static_cast<uint32_t>(size * (i + 1) / count)});
  }
  return pieces;
}

TEST(WordCache, FindsExactlyWhatWasPutLast) {
  WordCache cache;
  std::map<std::string, std::vector<Piece>> put;
  std::mt19937 random(11);
  int found = 0;
  for (int round = 0; round < 200000; ++round) {
    // Few letters and zero bytes: many words are beginnings of each other.
    std::string word(1 + random() % WordCache::kMaxKeyBytes, '\0');
    for (char& c : word) c = "ab\0"[random() % 3];
    if (round % 2 == 0) word.resize(1 + random() % 6);
    const std::string text = word + std::string(random() % 2 * 30, 'a');
    const auto key = WordCache::MakeKey(text.data(), word.size(), text.size());
    const WordCache::Entry* entry = cache.Find(key);
    const auto known = put.find(word);
    if (entry != nullptr) {
      ++found;
      ASSERT_NE(known, put.end());
      ASSERT_EQ(entry->count, known->second.size());
      ASSERT_EQ(entry->length, word.size());
      for (size_t i = 0; i < entry->count; ++i) {
        ASSERT_EQ(entry->ids[i], known->second[i].id);
        const size_t end = i + 1 < entry->count ? entry->ends[i] : entry->length;
        ASSERT_EQ(end, known->second[i].end - known->second[0].begin);
      }
    } else {
      const auto offset = static_cast<uint32_t>(random());
      const size_t count = random() % (std::min(word.size(), WordCache::kMaxPieces) + 1);
      const auto pieces = PiecesOf(offset >> 1, word.size(), count, static_cast<TokenId>(round));
      cache.Put(key, offset >> 1, pieces.data(), pieces.size());
      put[word] = pieces;
      ASSERT_NE(cache.Find(key), nullptr);
    }
  }
  EXPECT_GT(found, 50000);
}

TEST(WordCache, LeavesOutWhatItCannotHold) {
  WordCache cache;
  const std::string word = "abcdefghij";
  const auto key = WordCache::MakeKey(word.data(), word.size(), word.size());
  const auto many = PiecesOf(5, word.size(), WordCache::kMaxPieces + 1, 1);
  cache.Put(key, 5, many.data(), many.size());
  EXPECT_EQ(cache.Find(key), nullptr);
  std::vector<Piece> gap = PiecesOf(5, word.size(), 3, 1);
  gap.erase(gap.begin() + 1);
  cache.Put(key, 5, gap.data(), gap.size());
  EXPECT_EQ(cache.Find(key), nullptr);
  cache.Put(key, 5, gap.data(), 1);  // ends before the word does
  EXPECT_EQ(cache.Find(key), nullptr);
}

TEST(PairTable, FindsEveryPairAndNoOther) {
  std::mt19937 random(3);
  std::map<std::pair<TokenId, TokenId>, uint32_t> pairs;
  PairTable table(5000);
  for (uint32_t rank = 0; rank < 5000; ++rank) {
    const auto left = static_cast<TokenId>(random() % 200);
    const auto right = static_cast<TokenId>(random() % 200);
    table.Put(left, right, {rank, left + right});
    pairs[{left, right}] = rank;  // of equal pairs the last one
  }
  for (TokenId left = -1; left < 201; ++left) {
    for (TokenId right = -1; right < 201; ++right) {
      const auto known = pairs.find({left, right});
      const Merge merge = table.Find(left, right);
      ASSERT_EQ(merge.rank, known == pairs.end() ? Merge::kNone : known->second);
      if (merge.rank != Merge::kNone) {
        ASSERT_EQ(merge.id, left + right);
      }
    }
  }
  size_t visited = 0;
  table.ForEach([&](uint64_t, const Merge&) { ++visited; });
  EXPECT_EQ(visited, pairs.size());
}

// Letters, punctuation, U+2581, characters of two and three bytes that share lead bytes with it, and some that no
// vocabulary has.
const std::vector<std::string> kLetters = {
    "a",    "b",   ".", ",", " ", "\xE2\x96\x81", "\xE2\x80\x99", "\xC3\xA9", "\xC3\xA8", "?", "\xE2\x82\xAC",
    "\xFF", "\x96"};
constexpr size_t kKnownLetters = 9;

struct RandomModel {
  std::shared_ptr<Vocabulary> vocabulary = std::make_shared<Vocabulary>();
  std::vector<Bpe::TokenPair> merges;
  std::vector<float> scores;

  explicit RandomModel(uint32_t seed) {
    std::mt19937 random(seed);
    for (size_t i = 0; i < kKnownLetters; ++i) {
      // Some vocabularies have no U+2581, some no punctuation.
      if (random() % 8 == 0) continue;
      EXPECT_TRUE(vocabulary->Add(kLetters[i], vocabulary->size()).ok());
    }
    const TokenId singles = vocabulary->size();
    while (vocabulary->size() < singles + 25) {
      const auto left = static_cast<TokenId>(random() % static_cast<uint32_t>(vocabulary->size()));
      const auto right = static_cast<TokenId>(random() % static_cast<uint32_t>(vocabulary->size()));
      const std::string joined = std::string(vocabulary->Text(left)) + std::string(vocabulary->Text(right));
      if (joined.size() > 20) continue;
      if (vocabulary->Find(joined) < 0) {
        EXPECT_TRUE(vocabulary->Add(joined, vocabulary->size()).ok());
      }
      merges.emplace_back(left, right);
    }
    EXPECT_TRUE(vocabulary->Add("<unk>", vocabulary->size()).ok());
    for (TokenId id = 0; id < vocabulary->size(); ++id) scores.push_back(-static_cast<float>(random() % 40));
  }
};

TEST(MergeBorders, PartsGiveTheTokensOfTheWhole) {
  int cuts = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    const RandomModel made(seed);
    const auto cut = MakeMergeBorderCut(*made.vocabulary);
    std::array<TokenId, 256> no_bytes;
    no_bytes.fill(-1);
    std::vector<std::unique_ptr<TokenModel>> models;
    const TokenId unk = made.vocabulary->Find("<unk>");
    models.push_back(*Bpe::Create(made.vocabulary, made.merges, {.fuse_unknown = true, .unknown = unk}));
    for (const TokenId unknown : {-1, unk}) {
      models.push_back(*ScoreBpe::Create(made.vocabulary, made.scores, no_bytes, unknown));
    }
    std::mt19937 random(seed);
    for (int round = 0; round < 40; ++round) {
      std::string text;
      for (size_t i = random() % 20 + 1; i > 0; --i) text += kLetters[random() % kLetters.size()];
      AlignedText aligned(text, {0, static_cast<uint32_t>(text.size())}, false);
      std::vector<TextRange> words = {{0, static_cast<uint32_t>(text.size())}}, spare;
      cut->Apply(&aligned, &words, &spare);
      cuts += static_cast<int>(words.size()) - 1;
      for (const auto& model : models) {
        std::vector<Piece> whole, parts;
        model->Encode(text, 0, &whole);
        for (const TextRange& word : words) {
          model->Encode(std::string_view(text).substr(word.begin, word.size()), word.begin, &parts);
        }
        ASSERT_EQ(whole.size(), parts.size()) << seed << ": " << text;
        for (size_t i = 0; i < whole.size(); ++i) {
          ASSERT_EQ(whole[i].id, parts[i].id) << seed << ": " << text;
          ASSERT_EQ(whole[i].begin, parts[i].begin);
          ASSERT_EQ(whole[i].end, parts[i].end);
        }
      }
    }
  }
  EXPECT_GT(cuts, 10000);
}

TEST(AlignedText, ALongRewriteOverflowsInsteadOfGrowing) {
  AlignedText text("a b c d", {0, 7}, true);
  TextRewriter rewriter(&text, 9);
  rewriter.KeepReplacing(0, 7, ' ', "###");
  rewriter.Finish();
  EXPECT_TRUE(text.overflowed());
  EXPECT_LE(text.bytes().size(), 9u);
}

TEST(AlignedText, RangesSurviveRewritesOfRewrites) {
  // Against the plain definition: one range for each byte.
  std::mt19937 random(9);
  for (int round = 0; round < 500; ++round) {
    const std::string source(30, 'x');
    AlignedText text(source, {3, 27}, true);
    std::vector<TextRange> plain;
    for (uint32_t i = 3; i < 27; ++i) plain.push_back({i, i + 1});
    for (int pass = 0; pass < 4; ++pass) {
      TextRewriter rewriter(&text);
      const auto size = static_cast<uint32_t>(rewriter.bytes().size());
      std::vector<TextRange> next;
      for (uint32_t i = 0; i < size;) {
        const uint32_t end = std::min<uint32_t>(size, i + 1 + static_cast<uint32_t>(random() % 4));
        if (random() % 3 > 0) {
          rewriter.Keep(i, end);
          next.insert(next.end(), plain.begin() + i, plain.begin() + end);
        } else {
          const size_t length = random() % 4;
          rewriter.Replace(i, end, std::string(length, 'y'));
          next.insert(next.end(), length, TextRange{plain[i].begin, plain[end - 1].end});
        }
        i = end;
      }
      rewriter.Finish();
      plain = next;
      if (plain.size() > 4 && pass == 2) {
        text = text.Part({1, static_cast<uint32_t>(plain.size()) - 1});
        plain = {plain.begin() + 1, plain.end() - 1};
      }
      ASSERT_EQ(text.bytes().size(), plain.size());
      for (uint32_t i = 0; i < plain.size(); ++i) {
        ASSERT_EQ(text.SourceRange(i, i + 1).begin, plain[i].begin);
        ASSERT_EQ(text.SourceRange(i, i + 1).end, plain[i].end);
      }
    }
  }
}

}  // namespace
}  // namespace precis::engine
