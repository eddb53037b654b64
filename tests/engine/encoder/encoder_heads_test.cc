// Heads over encoders with made-up weights against PyTorch's transformers (golden/make_family_golden.py).
#include "models/encoder_heads.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "family_golden.h"
#include "gtest/gtest.h"
#include "models/bert.h"
#include "test_util.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr double kTolerance = 1e-4;

// All sequences of a family as one batch.
struct Batch {
  std::vector<int32_t> ids;
  std::vector<int64_t> starts = {0};
  std::vector<int64_t> second;
  std::vector<float> expected;

  Batch(const json& family, const char* key) {
    for (const json& one : family["cases"]) {
      if (one.contains("second")) second.push_back(starts.back() + one["second"].get<int64_t>());
      for (const json& id : one["ids"]) ids.push_back(id);
      for (const json& value : one[key]) expected.push_back(value);
      starts.push_back(static_cast<int64_t>(ids.size()));
    }
  }
};

struct Model {
  json golden;
  EncoderConfig config;
  WeightsFile file;
  std::unique_ptr<BertEncoder> encoder;

  explicit Model(const char* family)
      : golden(FamilyGolden()["families"][family]),
        config(FamilyConfig(golden)),
        file(FamilyFile(family)),
        encoder(*BertEncoder::Load(file, config, true)) {}
};

void ExpectNear(const std::vector<float>& got, const std::vector<float>& expected, const std::string& what) {
  ASSERT_EQ(got.size(), expected.size());
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected[i]));
  EXPECT_LT(worst, kTolerance) << what;
}

TEST(SequenceHead, LogitsEqualTheReferenceInEveryFamily) {
  for (const char* family : {"bert", "roberta", "xlm-roberta", "mpnet", "distilbert", "modernbert"}) {
    const Model model(family);
    const Batch batch(model.golden, "sequence_logits");
    const auto head = SequenceHead::Load(model.file, model.config, true);
    ASSERT_TRUE(head.ok()) << head.status();
    ASSERT_EQ(head->labels(), 2);
    std::vector<float> first;
    ForEachContext([&](const OpContext& context) {
      BertActivations activations;
      const auto hidden =
          model.encoder->Forward(context, batch.ids, batch.starts, 1, CallContext(), &activations, batch.second);
      ASSERT_TRUE(hidden.ok()) << hidden.status();
      std::vector<float> logits(batch.expected.size());
      ASSERT_TRUE(head->Forward(context, *hidden, batch.starts, MutableMatrix(logits.data(), 3, 2)).ok());
      ExpectNear(logits, batch.expected, family + Name(context));
      if (first.empty()) first = logits;
      EXPECT_TRUE(SameBits(logits, first)) << family << Name(context);
    });
  }
}

TEST(SequenceHead, TheSecondTextsTypeCounts) {
  const Model model("bert");
  const Batch batch(model.golden, "sequence_logits");
  const auto pool = cpu::ThreadPool::Shared(1);
  const OpContext context{pool.get(), cpu::BestIsaLevel()};
  BertActivations activations;
  const auto run = [&](std::span<const int64_t> second) {
    const auto hidden =
        model.encoder->Forward(context, batch.ids, batch.starts, 1, CallContext(), &activations, second);
    EXPECT_TRUE(hidden.ok()) << hidden.status();
    return std::vector<float>(hidden->data, hidden->data + hidden->rows * hidden->columns);
  };
  EXPECT_FALSE(SameBits(run(batch.second), run({})));
  // A second text that is empty is none.
  EXPECT_TRUE(SameBits(run(std::span(batch.starts).subspan(1)), run({})));
  const std::vector<int64_t> outside = {0, 1, 20};
  EXPECT_FALSE(model.encoder->Forward(context, batch.ids, batch.starts, 1, CallContext(), &activations, outside).ok());
}

TEST(TokenHead, LogitsEqualTheReferenceInEveryFamily) {
  for (const char* family : {"bert", "xlm-roberta", "mpnet", "distilbert", "modernbert"}) {
    const Model model(family);
    const Batch batch(model.golden, "token_logits");
    const auto head = TokenHead::Load(model.file, model.config, true);
    ASSERT_TRUE(head.ok()) << head.status();
    ForEachContext([&](const OpContext& context) {
      BertActivations activations;
      const auto hidden = model.encoder->Forward(context, batch.ids, batch.starts, 1, CallContext(), &activations);
      ASSERT_TRUE(hidden.ok()) << hidden.status();
      std::vector<float> logits(batch.expected.size());
      ASSERT_TRUE(head->Forward(context, *hidden, MutableMatrix(logits.data(), hidden->rows, 2)).ok());
      ExpectNear(logits, batch.expected, family + Name(context));
    });
  }
}

TEST(MaskedWordHead, SpladeVectorsEqualTheReference) {
  for (const char* family : {"bert", "distilbert"}) {
    const Model model(family);
    const Batch batch(model.golden, "splade");
    const auto head = MaskedWordHead::Load(model.file, model.config, true);
    ASSERT_TRUE(head.ok()) << head.status();
    ForEachContext([&](const OpContext& context) {
      BertActivations activations;
      AlignedBuffer<float> scratch;
      const auto hidden = model.encoder->Forward(context, batch.ids, batch.starts, 1, CallContext(), &activations);
      ASSERT_TRUE(hidden.ok()) << hidden.status();
      std::vector<float> words(batch.expected.size());
      const MutableMatrix greatest(words.data(), 3, head->vocabulary());
      ASSERT_TRUE(head->Greatest(context, *hidden, batch.starts, &scratch, greatest).ok());
      for (float& word : words) word = std::log1p(std::max(word, 0.0f));
      ExpectNear(words, batch.expected, family + Name(context));
    });
  }
}

TEST(Heads, AMissingMisshapenOrDamagedTensorIsNamed) {
  const std::tuple<const char*, const char*, std::function<absl::Status(const WeightsFile&, const EncoderConfig&)>>
      cases[] = {
          {"bert", "classifier.weight",
           [](const auto& f, const auto& c) { return SequenceHead::Load(f, c, true).status(); }},
          {"bert", "bert.pooler.dense.bias",
           [](const auto& f, const auto& c) { return SequenceHead::Load(f, c, true).status(); }},
          {"roberta", "classifier.out_proj.weight",
           [](const auto& f, const auto& c) { return SequenceHead::Load(f, c, true).status(); }},
          {"modernbert", "head.norm.weight",
           [](const auto& f, const auto& c) { return SequenceHead::Load(f, c, true).status(); }},
          {"xlm-roberta", "classifier.bias",
           [](const auto& f, const auto& c) { return TokenHead::Load(f, c, true).status(); }},
          {"bert", "cls.predictions.bias",
           [](const auto& f, const auto& c) { return MaskedWordHead::Load(f, c, true).status(); }},
          {"distilbert", "vocab_transform.weight",
           [](const auto& f, const auto& c) { return MaskedWordHead::Load(f, c, true).status(); }},
      };
  for (const auto& [family, name, load] : cases) {
    SCOPED_TRACE(name);
    const EncoderConfig config = FamilyConfig(FamilyGolden()["families"][family]);
    const NamedTensors good = FamilyTensors(family);
    const auto with = [&](const NamedTensors& tensors) {
      return load(*SafetensorsFile::FromBytes(SafetensorsBytes(tensors), "tiny"), config);
    };
    EXPECT_TRUE(with(good).ok()) << with(good);
    NamedTensors missing = good, odd = good, damaged = good;
    missing.erase(name);
    EXPECT_EQ(with(missing).code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(with(missing).message()), testing::HasSubstr(name));
    auto& [shape, values] = odd[name];
    values.resize(values.size() / static_cast<size_t>(shape.back()) * static_cast<size_t>(shape.back() + 1));
    shape.back() += 1;
    EXPECT_EQ(with(odd).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(with(odd).message()), testing::HasSubstr(name));
    damaged[name].second[0] = std::numeric_limits<float>::infinity();
    EXPECT_EQ(with(damaged).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(with(damaged).message()), testing::HasSubstr(name));
  }
}

TEST(Heads, AFamilyWithoutAHeadIsNamed) {
  const Model nomic("nomic_bert"), mpnet("mpnet");
  EXPECT_EQ(SequenceHead::Load(nomic.file, nomic.config, false).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(TokenHead::Load(nomic.file, nomic.config, false).status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(MaskedWordHead::Load(mpnet.file, mpnet.config, false).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace precis::engine
