#include "models/bert.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tiny_bert.h"

namespace precis::engine {
namespace {

absl::StatusOr<std::unique_ptr<BertEncoder>> LoadTensors(const NamedTensors& tensors, bool check_values = false) {
  auto file = SafetensorsFile::FromBytes(SafetensorsBytes(tensors), "tiny");
  if (!file.ok()) return file.status();
  return BertEncoder::Load(*file, TinyConfig(), check_values);
}

std::vector<float> Forward(const BertEncoder& encoder, const OpContext& context, const std::vector<int32_t>& ids,
                           const std::vector<int64_t>& starts, float temperature = 1) {
  BertActivations activations;
  const auto hidden = encoder.Forward(context, ids, starts, temperature, CallContext(), &activations);
  EXPECT_TRUE(hidden.ok()) << hidden.status();
  return {hidden->data, hidden->data + hidden->rows * hidden->columns};
}

// The whole network again, in double precision, as the paper writes it.
class SlowBert {
 public:
  explicit SlowBert(const NamedTensors& t) : t_(t) {}

  std::vector<std::vector<double>> Hidden(const std::vector<int32_t>& ids) {
    const EncoderConfig c = TinyConfig();
    const size_t n = ids.size(), h = static_cast<size_t>(c.hidden_size), d = h / 3;
    std::vector<std::vector<double>> x(n, std::vector<double>(h));
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < h; ++j) {
        x[i][j] = static_cast<double>(At("embeddings.word_embeddings.weight", ids[i] * h + j)) +
                  At("embeddings.position_embeddings.weight", i * h + j) +
                  At("embeddings.token_type_embeddings.weight", j);
      }
    }
    Norm(&x, "embeddings.LayerNorm");
    for (int layer = 0; layer < 2; ++layer) {
      const std::string p = absl::StrCat("encoder.layer.", layer, ".");
      const auto q = Dense(x, p + "attention.self.query"), k = Dense(x, p + "attention.self.key"),
                 v = Dense(x, p + "attention.self.value");
      std::vector<std::vector<double>> mixed(n, std::vector<double>(h, 0.0));
      for (size_t head = 0; head < 3; ++head) {
        for (size_t i = 0; i < n; ++i) {
          std::vector<double> e(n, 0.0);
          double total = 0;
          for (size_t j = 0; j < n; ++j) {
            for (size_t u = head * d; u < (head + 1) * d; ++u) e[j] += q[i][u] * k[j][u];
            e[j] = std::exp(e[j] / std::sqrt(static_cast<double>(d)));
            total += e[j];
          }
          for (size_t j = 0; j < n; ++j) {
            for (size_t u = head * d; u < (head + 1) * d; ++u) mixed[i][u] += e[j] / total * v[j][u];
          }
        }
      }
      Add(&x, Dense(mixed, p + "attention.output.dense"));
      Norm(&x, p + "attention.output.LayerNorm");
      auto inner = Dense(x, p + "intermediate.dense");
      for (auto& row : inner) {
        for (double& y : row) y *= 0.5 * std::erfc(-y / std::sqrt(2.0));
      }
      Add(&x, Dense(inner, p + "output.dense"));
      Norm(&x, p + "output.LayerNorm");
    }
    return x;
  }

 private:
  using Rows = std::vector<std::vector<double>>;
  float At(const std::string& name, size_t i) const { return t_.at(name).second[i]; }
  Rows Dense(const Rows& x, const std::string& name) const {
    const size_t out = t_.at(name + ".bias").second.size();
    Rows y(x.size(), std::vector<double>(out));
    for (size_t i = 0; i < x.size(); ++i) {
      for (size_t j = 0; j < out; ++j) {
        y[i][j] = At(name + ".bias", j);
        for (size_t k = 0; k < x[i].size(); ++k) y[i][j] += x[i][k] * At(name + ".weight", j * x[i].size() + k);
      }
    }
    return y;
  }
  static void Add(Rows* x, const Rows& y) {
    for (size_t i = 0; i < x->size(); ++i) {
      for (size_t j = 0; j < y[i].size(); ++j) (*x)[i][j] += y[i][j];
    }
  }
  void Norm(Rows* x, const std::string& name) const {
    for (auto& row : *x) {
      double mean = 0, variance = 0;
      for (const double v : row) mean += v / static_cast<double>(row.size());
      for (const double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
      for (size_t j = 0; j < row.size(); ++j) {
        row[j] = (row[j] - mean) / std::sqrt(variance + 1e-12) * At(name + ".weight", j) + At(name + ".bias", j);
      }
    }
  }
  const NamedTensors& t_;
};

const std::vector<int32_t> kIds = {0, 70, 71, 99, 200, 1, 0, 5, 1, 0, 1};
const std::vector<int64_t> kStarts = {0, 6, 9, 11};

TEST(Bert, EqualsThePaperInDoublePrecision) {
  const NamedTensors tensors = TinyTensors(TinyConfig());
  const auto encoder = TinyEncoder();
  ForEachContext([&](const OpContext& context) {
    const std::vector<float> hidden = Forward(*encoder, context, kIds, kStarts);
    for (size_t s = 0; s < 3; ++s) {
      const auto slow = SlowBert(tensors).Hidden({kIds.begin() + kStarts[s], kIds.begin() + kStarts[s + 1]});
      for (size_t i = 0; i < slow.size(); ++i) {
        for (size_t j = 0; j < 24; ++j) ASSERT_NEAR(hidden[(kStarts[s] + i) * 24 + j], slow[i][j], 2e-5);
      }
    }
  });
}

TEST(Bert, OlderNamesGiveTheSameModel) {
  const auto pool = cpu::ThreadPool::Shared(1);
  const OpContext context{pool.get(), cpu::BestIsaLevel()};
  const std::vector<float> reference = Forward(*TinyEncoder(), context, kIds, kStarts);
  for (const bool old_names : {false, true}) {
    for (const char* prefix : {"", "bert."}) {
      const auto encoder = LoadTensors(TinyTensors(TinyConfig(), prefix, old_names));
      ASSERT_TRUE(encoder.ok()) << encoder.status();
      EXPECT_TRUE(SameBits(Forward(**encoder, context, kIds, kStarts), reference)) << prefix << old_names;
    }
  }
}

TEST(Bert, AMissingOrMisshapenTensorIsNamed) {
  const NamedTensors good = TinyTensors(TinyConfig());
  for (const auto& [name, tensor] : good) {
    NamedTensors missing = good;
    missing.erase(name);
    const auto lost = LoadTensors(missing);
    ASSERT_FALSE(lost.ok()) << name;
    // Without the word table the file looks like one with "bert." in front; the name is in the message all the same.
    EXPECT_NE(lost.status().message().find(name), absl::string_view::npos) << lost.status();

    NamedTensors reshaped = good;
    reshaped[name].first[0] += 1;
    reshaped[name].second.resize(reshaped[name].second.size() / tensor.first[0] * (tensor.first[0] + 1));
    const auto odd = LoadTensors(reshaped);
    ASSERT_FALSE(odd.ok()) << name;
    EXPECT_EQ(odd.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(odd.status().message().find(name), absl::string_view::npos) << odd.status();
  }
}

TEST(Bert, CheckedValuesFindNaNByTensorName) {
  for (const char* name : {"encoder.layer.1.output.dense.weight", "embeddings.word_embeddings.weight"}) {
    NamedTensors tensors = TinyTensors(TinyConfig());
    tensors[name].second[17] = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(LoadTensors(tensors, false).ok());
    const auto checked = LoadTensors(tensors, true);
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.status().message().find(name), absl::string_view::npos) << checked.status();
  }
}

TEST(Bert, TemperatureChangesTheResultAndOneDoesNot) {
  const auto encoder = TinyEncoder();
  const auto pool = cpu::ThreadPool::Shared(1);
  const OpContext context{pool.get(), cpu::BestIsaLevel()};
  const std::vector<float> plain = Forward(*encoder, context, kIds, kStarts);
  EXPECT_TRUE(SameBits(Forward(*encoder, context, kIds, kStarts, 1.0f), plain));
  EXPECT_FALSE(SameBits(Forward(*encoder, context, kIds, kStarts, 0.5f), plain));
}

TEST(Bert, IdsAndLengthsOutsideTheModelAreRefused) {
  const auto encoder = TinyEncoder();
  const auto pool = cpu::ThreadPool::Shared(1);
  const OpContext context{pool.get(), cpu::BestIsaLevel()};
  BertActivations activations;
  const auto run = [&](const std::vector<int32_t>& ids) {
    const std::vector<int64_t> starts = {0, static_cast<int64_t>(ids.size())};
    return encoder->Forward(context, ids, starts, 1, CallContext(), &activations).status().code();
  };
  EXPECT_EQ(run({0, 258, 1}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(run({0, -1, 1}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(run(std::vector<int32_t>(65, 3)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(run(std::vector<int32_t>(64, 3)), absl::StatusCode::kOk);
}

TEST(Bert, ACancelledCallStops) {
  const auto encoder = TinyEncoder();
  const auto pool = cpu::ThreadPool::Shared(1);
  const CallContext call = CallContext::Make();
  call.Cancel();
  BertActivations activations;
  EXPECT_EQ(encoder->Forward({pool.get(), cpu::BestIsaLevel()}, kIds, kStarts, 1, call, &activations).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace precis::engine
