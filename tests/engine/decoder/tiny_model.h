// Small made-up decoders as GGUF files in memory. golden/make_tiny_golden.py makes the very same weights, from the same
// formula.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../formats/gguf_writer.h"
#include "formats/dequantize.h"
#include "formats/gguf.h"
#include "models/decoder.h"

namespace precis::engine {

struct TinyModel {
  std::string arch = "llama";  // "llama", "qwen2", "gemma3"
  int64_t layers = 7, hidden = 64, ffn = 96, heads = 4, kv_heads = 2, head_dim = 16, vocabulary = 272, context = 512;
  int64_t window = 16;                 // gemma3
  float linear_scale = 1;              // above 1: linear RoPE scaling
  TensorType type = TensorType::kF32;  // of the matrices
  std::string nan_tensor;              // this tensor gets a NaN
};

// Value i of the tensor `name`: uniform in [-1, 1), from a hash.
inline float TinyValue(std::string_view name, uint64_t i) {
  uint64_t x = 0xcbf29ce484222325u;
  for (const char c : name) x = (x ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  x += (i + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  return static_cast<float>(static_cast<double>(x >> 40) * 0x1p-23 - 1.0);
}

inline void WriteTinyModel(const TinyModel& m, GgufWriter* file) {
  GgufWriter& writer = *file;
  const std::string a = m.arch + ".";
  writer.Add("general.architecture", m.arch);
  writer.Add(a + "block_count", static_cast<uint32_t>(m.layers));
  writer.Add(a + "embedding_length", static_cast<uint32_t>(m.hidden));
  writer.Add(a + "feed_forward_length", static_cast<uint32_t>(m.ffn));
  writer.Add(a + "attention.head_count", static_cast<uint32_t>(m.heads));
  writer.Add(a + "attention.head_count_kv", static_cast<uint32_t>(m.kv_heads));
  writer.Add(a + "attention.key_length", static_cast<uint32_t>(m.head_dim));
  writer.Add(a + "attention.value_length", static_cast<uint32_t>(m.head_dim));
  writer.Add(a + "attention.layer_norm_rms_epsilon", 1e-5f);
  writer.Add(a + "context_length", static_cast<uint32_t>(m.context));
  writer.Add(a + "rope.freq_base", 5000.0f);
  if (m.linear_scale != 1) {
    writer.Add(a + "rope.scaling.type", "linear");
    writer.Add(a + "rope.scaling.factor", m.linear_scale);
  }
  if (m.arch == "gemma3") writer.Add(a + "attention.sliding_window", static_cast<uint32_t>(m.window));

  const auto add = [&](const std::string& name, std::vector<int64_t> shape, float middle, float spread) {
    const int64_t n = shape.size() == 2 ? shape[0] * shape[1] : shape[0];
    std::vector<float> values(static_cast<size_t>(n));
    for (size_t i = 0; i < values.size(); ++i) values[i] = middle + spread * TinyValue(name, i);
    if (name == m.nan_tensor) values[values.size() / 2] = std::numeric_limits<float>::quiet_NaN();
    if (shape.size() == 1 || m.type == TensorType::kF32) {
      writer.AddTensor(name, shape, values);
    } else {
      writer.AddTensor(name, m.type, shape, Quantize(m.type, values).value());
    }
  };
  const int64_t q = m.heads * m.head_dim, kv = m.kv_heads * m.head_dim;
  add("token_embd.weight", {m.vocabulary, m.hidden}, 0, 1.0f);
  add("output_norm.weight", {m.hidden}, 1, 0.3f);
  if (m.arch == "qwen2") add("output.weight", {m.vocabulary, m.hidden}, 0, 0.5f);
  for (int64_t l = 0; l < m.layers; ++l) {
    const std::string p = "blk." + std::to_string(l) + ".";
    add(p + "attn_norm.weight", {m.hidden}, 1, 0.3f);
    add(p + "ffn_norm.weight", {m.hidden}, 1, 0.3f);
    add(p + "attn_q.weight", {q, m.hidden}, 0, 0.3f);
    add(p + "attn_k.weight", {kv, m.hidden}, 0, 0.3f);
    add(p + "attn_v.weight", {kv, m.hidden}, 0, 0.3f);
    add(p + "attn_output.weight", {m.hidden, q}, 0, 0.3f);
    add(p + "ffn_gate.weight", {m.ffn, m.hidden}, 0, 0.3f);
    add(p + "ffn_up.weight", {m.ffn, m.hidden}, 0, 0.3f);
    add(p + "ffn_down.weight", {m.hidden, m.ffn}, 0, 0.3f);
    if (m.arch == "qwen2") {
      add(p + "attn_q.bias", {q}, 0, 0.5f);
      add(p + "attn_k.bias", {kv}, 0, 0.5f);
      add(p + "attn_v.bias", {kv}, 0, 0.5f);
    }
    if (m.arch == "gemma3") {
      add(p + "attn_q_norm.weight", {m.head_dim}, 1, 0.3f);
      add(p + "attn_k_norm.weight", {m.head_dim}, 1, 0.3f);
      add(p + "post_attention_norm.weight", {m.hidden}, 1, 0.3f);
      add(p + "post_ffw_norm.weight", {m.hidden}, 1, 0.3f);
    }
  }
}

inline std::shared_ptr<const GgufFile> MakeTinyModel(const TinyModel& m) {
  GgufWriter writer;
  WriteTinyModel(m, &writer);
  auto file = GgufFile::FromBytes(writer.Finish(), "tiny-" + m.arch);
  return file.ok() ? *file : nullptr;
}

inline absl::StatusOr<std::unique_ptr<Decoder>> LoadTiny(const TinyModel& m, bool exact,
                                                         cpu::IsaLevel isa = cpu::BestIsaLevel(), int threads = 1) {
  return Decoder::Load(MakeTinyModel(m), exact, isa, /*check_weights=*/false,
                       std::make_shared<cpu::ThreadPool>(threads));
}

// Token i of a made-up prompt.
inline std::vector<TokenId> TinyPrompt(int64_t n, int64_t vocabulary = 272, int64_t salt = 0) {
  std::vector<TokenId> ids;
  for (int64_t i = 0; i < n; ++i)
    ids.push_back(static_cast<TokenId>((i * 37 + i * i * 11 + 5 + salt * 101) % vocabulary));
  return ids;
}

}  // namespace precis::engine
