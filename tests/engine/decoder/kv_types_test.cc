// Keys and values as floats, halves and integers: each gives the same bits whatever runs beside it, and integers lose
// little.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <thread>

#include "formats/half.h"
#include "ops/kv_store.h"
#include "runtime/scheduler.h"
#include "tiny_model.h"

namespace precis::engine {
namespace {

using cpu::KvType;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> Random(int64_t n, float spread, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = normal(random);
  return x;
}

// One page of integers, read back as the kernels define it.
class Int8Page {
 public:
  explicit Int8Page(int64_t dim)
      : layout_{.layers = 1, .kv_heads = 2, .head_dim = dim, .type = KvType::kInt8},
        bytes_(static_cast<size_t>(layout_.page_bytes() / 2), 0x7fff) {}  // 16 bits each: aligned for scales

  const KvLayout& layout() const { return layout_; }
  void* data() { return bytes_.data(); }
  void Store(const std::vector<float>& keys, const std::vector<float>& values, int64_t slot) {
    ops::StoreKv(cpu::ScalarDecodeKernels(), layout_, 0, keys.data(), values.data(), slot, data());
  }
  double Key(int64_t head, int64_t slot, int64_t d) const {
    return Head(head)[d * 64 + slot] * Scale(head, d / 32, slot);
  }
  double Value(int64_t head, int64_t slot, int64_t d) const {
    const int64_t dim = layout_.head_dim;
    return Head(head)[(64 + slot) * dim + d] * Scale(head, cpu::KvScaleBlocks(dim) + d / 32, slot);
  }
  double Scale(int64_t head, int64_t block, int64_t slot) const {
    const auto* scales = reinterpret_cast<const uint16_t*>(Head(head) + 128 * layout_.head_dim);
    return HalfToFloat(scales[block * 64 + slot]);
  }
  bool operator==(const Int8Page& other) const { return bytes_ == other.bytes_; }

 private:
  const int8_t* Head(int64_t head) const {
    return reinterpret_cast<const int8_t*>(bytes_.data()) + layout_.offset(0, head);
  }
  KvLayout layout_;
  std::vector<uint16_t> bytes_;
};

TEST(KvInt8, NumbersAreTheNearestStepsOfTheirBlock) {
  for (const int64_t dim : {16, 64, 80, 256}) {
    Int8Page page(dim);
    // Scales of the values are among the last bits of a half: they must be rounded up, or 127 is passed.
    const auto keys = Random(2 * dim, 3, 1), values = Random(2 * dim, 1e-5f, 2);
    page.Store(keys, values, 5);
    for (int64_t h = 0; h < 2; ++h) {
      for (int64_t block = 0; block * 32 < dim; ++block) {
        double most[2] = {0, 0};
        for (int64_t d = block * 32; d < std::min(dim, block * 32 + 32); ++d) {
          most[0] = std::max<double>(most[0], std::fabs(keys[static_cast<size_t>(h * dim + d)]));
          most[1] = std::max<double>(most[1], std::fabs(values[static_cast<size_t>(h * dim + d)]));
        }
        // A half has 11 bits: its rounding makes a step at most 0.1 % wider; small ones have fewer (the last 2^-24).
        const double key_step = most[0] / 127 * 1.001, value_step = most[1] / 127 * 1.001 + 0x1p-24;
        for (int64_t d = block * 32; d < std::min(dim, block * 32 + 32); ++d) {
          ASSERT_NEAR(page.Key(h, 5, d), keys[static_cast<size_t>(h * dim + d)], key_step / 2) << dim << " " << d;
          ASSERT_NEAR(page.Value(h, 5, d), values[static_cast<size_t>(h * dim + d)], value_step / 2) << dim << " " << d;
        }
      }
    }
  }
}

TEST(KvInt8, ZerosHugeAndTinyNumbersAndWhatIsNoNumber) {
  const int64_t dim = 64;
  Int8Page page(dim);
  std::vector<float> keys(2 * dim, 0.0f), values(2 * dim, 1e-12f);
  keys[3] = 6e4f * 127, keys[40] = -1;
  keys[static_cast<size_t>(dim)] = kNan;                                           // head 1, block 0
  values[static_cast<size_t>(dim) + 33] = std::numeric_limits<float>::infinity();  // head 1, block 1
  page.Store(keys, values, 63);
  EXPECT_NEAR(page.Key(0, 63, 3), 6e4 * 127, 6e4);
  EXPECT_EQ(page.Key(0, 63, 4), 0);
  EXPECT_NEAR(page.Key(0, 63, 40), -1, 0.001);
  for (int64_t d = 0; d < dim; ++d) EXPECT_NEAR(page.Value(0, 63, d), 0, 1e-11);
  EXPECT_TRUE(std::isnan(page.Scale(1, 0, 63)));
  EXPECT_EQ(page.Scale(1, 1, 63), 0);
  EXPECT_FALSE(std::isnan(page.Scale(1, 2, 63)));
  EXPECT_TRUE(std::isnan(page.Scale(1, 3, 63)));
}

TEST(KvInt8, APositionWritesNoOther) {
  const int64_t dim = 80;
  const auto keys = Random(2 * dim, 1, 3), values = Random(2 * dim, 1, 4);
  Int8Page page(dim), again(dim);
  page.Store(keys, values, 7);
  Int8Page before = page;
  page.Store(values, keys, 8);
  EXPECT_FALSE(page == before);
  for (int64_t h = 0; h < 2; ++h) {
    for (int64_t d = 0; d < dim; ++d) {
      ASSERT_EQ(page.Key(h, 7, d), before.Key(h, 7, d));
      ASSERT_EQ(page.Value(h, 7, d), before.Value(h, 7, d));
    }
  }
  // The other way round: the same page.
  again.Store(values, keys, 8);
  again.Store(keys, values, 7);
  EXPECT_TRUE(page == again);
}

// Slots that no query attends to keep 0x7fff, a scale that is NaN.
TEST(KvInt8, AttentionIsRightAndTheSameEverywhere) {
  for (const int64_t dim : {16, 64, 80, 256}) {
    std::vector<Int8Page> pages(3, Int8Page(dim));
    const int64_t head = 1;
    for (const auto& [begin, end] :
         {std::pair<int64_t, int64_t>{0, 1}, {0, 64}, {0, 65}, {0, 190}, {100, 190}, {64, 128}}) {
      for (int64_t p = 0; p < 3; ++p) pages[static_cast<size_t>(p)] = Int8Page(dim);
      for (int64_t p = begin; p < end; ++p) {
        const auto seed = static_cast<uint32_t>(p * 7 + dim);
        pages[static_cast<size_t>(p / 64)].Store(Random(2 * dim, 1, seed), Random(2 * dim, 1, seed + 1), p % 64);
      }
      std::vector<const void*> pointers;
      for (Int8Page& page : pages) pointers.push_back(page.data());
      const int group = 7;
      const auto q = Random(group * dim, 0.3f, 9);
      std::vector<float> y(q.size()), reference(q.size());
      cpu::AttentionArgs args{.queries = q.data(),
                              .out = reference.data(),
                              .query_stride = 0,
                              .out_stride = 0,
                              .pages = pointers.data(),
                              .page_offset = pages[0].layout().offset(0, head),
                              .position = end - 1,
                              .window = begin == 0 ? 0 : end - begin,
                              .rows = 1,
                              .group = group,
                              .head_dim = static_cast<int>(dim),
                              .type = KvType::kInt8};
      cpu::ScalarDecodeKernels().attend(args);
      for (const cpu::IsaLevel isa : cpu::AvailableIsaLevels()) {
        args.out = y.data();
        cpu::GetDecodeKernels(isa).attend(args);
        EXPECT_EQ(y, reference) << cpu::IsaLevelName(isa) << " " << dim << " " << begin << " " << end;
      }
      for (int64_t h = 0; h < group; ++h) {
        std::vector<double> weight;
        double most = -1e30, total = 0;
        for (int64_t p = begin; p < end; ++p) {
          double s = 0;
          for (int64_t d = 0; d < dim; ++d) {
            s += q[static_cast<size_t>(h * dim + d)] * pages[static_cast<size_t>(p / 64)].Key(head, p % 64, d);
          }
          weight.push_back(s);
          most = std::max(most, s);
        }
        for (double& w : weight) total += w = std::exp(w - most);
        for (int64_t d = 0; d < dim; ++d) {
          double expected = 0;
          for (int64_t p = begin; p < end; ++p) {
            expected += weight[static_cast<size_t>(p - begin)] / total *
                        pages[static_cast<size_t>(p / 64)].Value(head, p % 64, d);
          }
          ASSERT_NEAR(y[static_cast<size_t>(h * dim + d)], expected, 2e-5);
        }
      }
    }
  }
}

class KvTypes : public ::testing::TestWithParam<KvType> {
 protected:
  static KvLayout LayoutOf(const Decoder& decoder) {
    KvLayout layout = decoder.kv_layout();
    layout.type = GetParam();
    return layout;
  }

  // Logits after each of `ids`, computed in chunks of the given size.
  static std::vector<float> AllLogits(Decoder* decoder, const std::vector<TokenId>& ids, size_t chunk_size) {
    KvCache cache(LayoutOf(*decoder), 64 << 20);
    auto sequence = cache.Admit("", ids, static_cast<int64_t>(ids.size()), 0);
    std::vector<float> out;
    for (size_t i = 0; i < ids.size(); i += chunk_size) {
      const size_t n = std::min(chunk_size, ids.size() - i);
      const DecoderChunk chunk{sequence.get(), std::span(ids).subspan(i, n), static_cast<int64_t>(n)};
      const int64_t rows = decoder->Forward({&chunk, 1}, &cache);
      const auto logits = decoder->Logits(0, rows);
      out.insert(out.end(), logits.begin(), logits.end());
    }
    return out;
  }

  static std::unique_ptr<Scheduler> Make(SpeculationOptions speculation = {}, int threads = 1) {
    auto decoder = LoadTiny({}, false, cpu::BestIsaLevel(), threads).value();
    const int64_t budget = 64 * LayoutOf(*decoder).page_bytes();
    speculation.vocabulary = decoder->config().vocabulary;
    SchedulerOptions options{.model = "tiny", .max_sequences = 4, .queue_limit = 64, .kv_budget_bytes = budget};
    options.kv_type = GetParam();
    return std::make_unique<Scheduler>(std::move(decoder), options, std::move(speculation));
  }

  static SequenceJob Generate(Scheduler* scheduler, std::vector<TokenId> prompt, uint64_t seed,
                              std::vector<TokenId>* text) {
    SequenceJob job;
    job.tokens = std::move(prompt);
    job.max_tokens = 40;
    job.sampling = {.temperature = seed == 0 ? 0.0f : 0.8f, .seed = seed};
    job.on_token = [text](TokenId id) {
      text->push_back(id);
      return true;
    };
    EXPECT_TRUE(scheduler->Run(&job).ok());
    return job;
  }
};

TEST_P(KvTypes, ChunksThreadsAndInstructionSetsGiveTheSameBits) {
  // Heads that end inside a block of scales, and a window.
  for (const TinyModel& model :
       {TinyModel{.layers = 3}, TinyModel{.layers = 2, .heads = 2, .kv_heads = 1, .head_dim = 80},
        TinyModel{.arch = "gemma3", .layers = 6}}) {
    const std::vector<TokenId> ids = TinyPrompt(90);
    auto first = LoadTiny(model, false, cpu::IsaLevel::kScalar, 1).value();
    const std::vector<float> expected = AllLogits(first.get(), ids, 90);
    for (const cpu::IsaLevel isa : cpu::AvailableIsaLevels()) {
      for (const size_t chunk : {1u, 13u}) {
        auto decoder = LoadTiny(model, false, isa, chunk == 13 ? 2 : 1).value();
        EXPECT_EQ(AllLogits(decoder.get(), ids, chunk), expected)
            << model.arch << " " << cpu::IsaLevelName(isa) << " in chunks of " << chunk;
      }
    }
  }
}

TEST_P(KvTypes, SequenceAmongOthersIsAsAlone) {
  auto decoder = LoadTiny({.layers = 3}, false).value();
  KvCache cache(LayoutOf(*decoder), 64 << 20);
  std::vector<std::vector<TokenId>> prompts;
  std::vector<std::unique_ptr<KvSequence>> sequences;
  std::vector<DecoderChunk> chunks;
  for (int64_t i = 0; i < 5; ++i) {
    prompts.push_back(TinyPrompt(20 + 17 * i, 272, i));
    sequences.push_back(cache.Admit("", prompts.back(), 200, 0));
  }
  for (size_t i = 0; i < 5; ++i) chunks.push_back({sequences[i].get(), prompts[i], 1});
  ASSERT_EQ(decoder->Forward(chunks, &cache), 5);
  const auto together = decoder->Logits(0, 5);
  const std::vector<float> kept(together.begin(), together.end());
  for (size_t i = 0; i < 5; ++i) {
    const std::vector<float> alone = AllLogits(decoder.get(), prompts[i], prompts[i].size());
    EXPECT_TRUE(std::equal(alone.end() - 272, alone.end(), kept.begin() + static_cast<ptrdiff_t>(i) * 272));
  }
}

TEST_P(KvTypes, ReusedPrefixesDraftsAndCompanyChangeNoText) {
  std::vector<std::vector<TokenId>> prompts, expected(6);
  for (int64_t i = 0; i < 6; ++i) {
    prompts.push_back(TinyPrompt(90));  // one context, several ends
    const std::vector<TokenId> end = TinyPrompt(5 + i, 272, i + 1);
    prompts.back().insert(prompts.back().end(), end.begin(), end.end());
  }
  auto alone = Make();
  for (size_t i = 0; i < 6; ++i) {
    // Each by a model of its own: nothing to be reused.
    if (i > 0) alone = Make();
    const SequenceJob job = Generate(alone.get(), prompts[i], i, &expected[i]);
    EXPECT_EQ(job.cached_tokens, 0);
  }
  SpeculationOptions lookup, draft;
  lookup.lookup = true;
  lookup.fixed_drafts = 6;
  draft.draft = LoadTiny({}, false).value();
  draft.draft_kv_budget_bytes = 64 * draft.draft->kv_layout().page_bytes();
  draft.fixed_drafts = 3;
  std::vector<std::unique_ptr<Scheduler>> shared;
  shared.push_back(Make(std::move(lookup), 2));
  shared.push_back(Make(std::move(draft)));
  for (auto& scheduler : shared) {
    for (int round = 0; round < 2; ++round) {
      std::vector<std::vector<TokenId>> texts(6);
      std::vector<SequenceJob> jobs(6);
      std::vector<std::thread> threads;
      for (size_t i = 0; i < 6; ++i) {
        threads.emplace_back([&, i] { jobs[i] = Generate(scheduler.get(), prompts[i], i, &texts[i]); });
      }
      for (auto& t : threads) t.join();
      EXPECT_EQ(texts, expected) << "round " << round;
      int64_t drafted = 0;
      for (const SequenceJob& job : jobs) {
        drafted += job.drafted;
        if (round > 0) {
          EXPECT_GT(job.cached_tokens, 89);
        }
      }
      EXPECT_GT(drafted, 0);
    }
  }
}

TEST_P(KvTypes, WhatIsNoNumberReachesTheLogits) {
  auto decoder = LoadTiny({.layers = 2, .nan_tensor = "blk.0.attn_k.weight"}, false).value();
  EXPECT_TRUE(std::isnan(AllLogits(decoder.get(), TinyPrompt(3), 3).back()));
}

INSTANTIATE_TEST_SUITE_P(All, KvTypes, ::testing::Values(KvType::kF32, KvType::kF16, KvType::kInt8),
                         [](const ::testing::TestParamInfo<KvType>& info) {
                           return info.param == KvType::kF32 ? "f32" : info.param == KvType::kF16 ? "f16" : "int8";
                         });

TEST(KvInt8, LogitsStayNearThoseOfFloats) {
  const std::vector<TokenId> ids = TinyPrompt(150);
  auto decoder = LoadTiny({}, true).value();
  std::vector<float> logits[2];
  for (const KvType type : {KvType::kF32, KvType::kInt8}) {
    KvLayout layout = decoder->kv_layout();
    layout.type = type;
    KvCache cache(layout, 64 << 20);
    auto sequence = cache.Admit("", ids, 150, 0);
    const DecoderChunk chunk{sequence.get(), ids, 150};
    decoder->Forward({&chunk, 1}, &cache);
    const auto all = decoder->Logits(0, 150);
    logits[type == KvType::kInt8].assign(all.begin(), all.end());
  }
  double difference = 0, size = 0;
  for (size_t i = 0; i < logits[0].size(); ++i) {
    difference += (logits[0][i] - logits[1][i]) * (logits[0][i] - logits[1][i]);
    size += logits[0][i] * logits[0][i];
  }
  EXPECT_GT(difference, 0);
  EXPECT_LT(std::sqrt(difference / size), 0.1);  // random weights amplify every rounding
}

}  // namespace
}  // namespace precis::engine
