#include "models/decoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "formats/dequantize.h"
#include "formats/half.h"
#include "ops/kv_store.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

// Enough rows to share loads of keys and values, and few enough that a row's own positions are a small part of a page.
constexpr int64_t kBlockRows = 8;

}  // namespace

absl::StatusOr<std::unique_ptr<Decoder>> Decoder::Load(DecoderFiles files, bool exact, cpu::IsaLevel isa,
                                                       bool check_weights, std::shared_ptr<cpu::ThreadPool> pool) {
  std::unique_ptr<Decoder> decoder(new Decoder());
  PRECIS_ASSIGN_OR_RETURN(decoder->config_, files.ReadConfig());
  const DecoderConfig& c = decoder->config_;
  PRECIS_ASSIGN_OR_RETURN(decoder->weights_, LoadDecoderWeights(std::move(files), c, exact, check_weights, pool.get()));
  decoder->kernels_ = &cpu::GetDecodeKernels(isa);
  decoder->pool_ = std::move(pool);
  decoder->rope_.emplace_back(c.rope);
  decoder->rope_.emplace_back(c.window > 0 ? c.local_rope : c.rope);
  decoder->exact_ = exact;
  return decoder;
}

KvLayout Decoder::kv_layout() const {
  return {config_.layers, config_.kv_heads, config_.head_dim, exact_ ? cpu::KvType::kF32 : cpu::KvType::kF16};
}

void Decoder::Reserve(int64_t rows) {
  if (rows <= capacity_) return;
  capacity_ = rows;
  rows_.reserve(static_cast<size_t>(rows));
  blocks_.reserve(static_cast<size_t>(rows));
  last_blocks_.reserve(static_cast<size_t>(rows));
  const DecoderConfig& c = config_;
  const auto size = [rows](std::vector<float>* v, int64_t width) { v->resize(static_cast<size_t>(rows * width)); };
  size(&x_, c.hidden);
  size(&normed_, c.hidden);
  size(&part_, c.hidden);
  size(&states_, c.hidden);
  size(&qkv_, (c.heads + 2 * c.kv_heads) * c.head_dim);
  size(&attended_, c.heads * c.head_dim);
  size(&gate_up_, 2 * c.ffn);
  size(&gated_, c.ffn);
  size(&angles_, 2 * c.head_dim);
  quantized_.Get(rows, std::max({c.hidden, c.ffn, c.heads * c.head_dim}), 0);
}

int64_t Decoder::Begin(std::span<const DecoderChunk> chunks, KvCache* cache) {
  const DecoderConfig& c = config_;
  chunks_ = chunks;
  int64_t rows = 0, wanted = 0;
  for (const DecoderChunk& chunk : chunks) rows += static_cast<int64_t>(chunk.tokens.size());
  Reserve(rows);
  rows_.clear();
  blocks_.clear();
  last_blocks_.clear();
  for (const DecoderChunk& chunk : chunks) {
    const int64_t first = static_cast<int64_t>(rows_.size()), size = static_cast<int64_t>(chunk.tokens.size());
    cache->Extend(chunk.sequence, chunk.sequence->length() + size);
    for (int64_t i = 0; i < size; ++i) {
      rows_.push_back({chunk.sequence, chunk.sequence->length() + i, chunk.tokens[static_cast<size_t>(i)]});
    }
    AddBlocks(rows_.data(), first, size, first, &blocks_);
    AddBlocks(rows_.data(), first + size - chunk.wanted, chunk.wanted, wanted, &last_blocks_);
    wanted += chunk.wanted;
  }
  ForRows(rows, [&](int64_t r) {
    float* x = x_.data() + r * c.hidden;
    const TensorView& table = *weights_.embedding;
    // Cannot fail: type and size were checked at load.
    (void)DequantizeRow(table.type, table.row(rows_[static_cast<size_t>(r)].token),
                        std::span<float>(x, static_cast<size_t>(c.hidden)));
    if (c.embedding_scale != 1.0f) {
      for (int64_t i = 0; i < c.hidden; ++i) x[i] *= c.embedding_scale;
    }
    for (int kind = 0; kind < (c.window > 0 ? 2 : 1); ++kind) {
      rope_[static_cast<size_t>(kind)].Angles(rows_[static_cast<size_t>(r)].position,
                                              angles_.data() + (2 * r + kind) * c.head_dim);
    }
  });
  return wanted;
}

int64_t Decoder::Forward(std::span<const DecoderChunk> chunks, KvCache* cache) {
  const DecoderConfig& c = config_;
  const int64_t wanted = Begin(chunks, cache);
  const auto rows = static_cast<int64_t>(rows_.size());
  for (int64_t l = 0; l + 1 < c.layers; ++l) {
    Attention(l, rows, cache->layout(), blocks_);
    FeedForward(weights_.layers[static_cast<size_t>(l)], rows);
  }
  // What only later tokens would read of the last layer are its keys and values.
  Attention(c.layers - 1, rows, cache->layout(), last_blocks_);
  if (wanted > 0) {
    const DecoderLayer& last = weights_.layers.back();
    FeedForward(last, wanted);
    ForRows(wanted, [&](int64_t r) {
      AddPart(r, last.post_ffn_norm);
      kernels_->rms_norm(x_.data() + r * c.hidden, weights_.output_norm.data(), c.hidden, c.norm_eps,
                         states_.data() + r * c.hidden);
    });
  }
  for (const DecoderChunk& chunk : chunks) cache->Commit(chunk.sequence, chunk.tokens);
  return wanted;
}

void Decoder::ForwardTo(int64_t layer, std::span<const DecoderChunk> chunks, KvCache* cache) {
  Begin(chunks, cache);
  const auto rows = static_cast<int64_t>(rows_.size());
  for (int64_t l = 0; l < layer; ++l) {
    Attention(l, rows, cache->layout(), blocks_);
    FeedForward(weights_.layers[static_cast<size_t>(l)], rows);
  }
  Attention(layer, rows, cache->layout(), {});
  for (const DecoderChunk& chunk : chunks) cache->Commit(chunk.sequence, chunk.tokens);
}

void Decoder::AddBlocks(const Row* rows, int64_t first, int64_t count, int64_t to, std::vector<Block>* blocks) {
  for (int64_t i = 0; i < count;) {
    // Borders at multiples of kBlockRows, so that no block crosses a page.
    const int64_t size = std::min(count - i, kBlockRows - rows[first + i].position % kBlockRows);
    blocks->push_back({first + i, to + i, size});
    i += size;
  }
}

void Decoder::Attention(int64_t index, int64_t rows, const KvLayout& layout, std::span<const Block> blocks) {
  const DecoderConfig& c = config_;
  const DecoderLayer& layer = weights_.layers[static_cast<size_t>(index)];
  const bool global = c.IsGlobal(index);
  const int64_t q_size = c.heads * c.head_dim, kv_size = c.kv_heads * c.head_dim, qkv_size = q_size + 2 * kv_size;

  ops::LinearInput in{normed_.data(), quantized_.Get(rows, c.hidden, layer.qkv.wide_above())};
  ForRows(rows, [&](int64_t r) {
    if (index > 0) AddPart(r, weights_.layers[static_cast<size_t>(index - 1)].post_ffn_norm);
    kernels_->rms_norm(x_.data() + r * c.hidden, layer.attention_norm.data(), c.hidden, c.norm_eps,
                       normed_.data() + r * c.hidden);
    ops::PrepareRow(*kernels_, layer.qkv, in, r);
  });
  ops::Linear(*kernels_, pool_.get(), layer.qkv, in, rows, qkv_.data());

  ForRows(rows, [&](int64_t r) {
    const Row& row = rows_[static_cast<size_t>(r)];
    float* q = qkv_.data() + r * qkv_size;
    float* k = q + q_size;
    float* v = k + kv_size;
    for (size_t i = 0; i < layer.qkv_bias.size(); ++i) q[i] += layer.qkv_bias[i];
    if (c.qk_norm) {
      for (int64_t h = 0; h < c.heads; ++h) {
        float* head = q + h * c.head_dim;
        kernels_->rms_norm(head, layer.q_norm.data(), c.head_dim, c.norm_eps, head);
      }
      for (int64_t h = 0; h < c.kv_heads; ++h) {
        float* head = k + h * c.head_dim;
        kernels_->rms_norm(head, layer.k_norm.data(), c.head_dim, c.norm_eps, head);
      }
    }
    const bool local = !global && c.window > 0;
    const float* angles = angles_.data() + (2 * r + (local ? 1 : 0)) * c.head_dim;
    if (c.HasRope(index)) {
      rope_[local ? 1 : 0].Apply(angles, c.heads, q);
      rope_[local ? 1 : 0].Apply(angles, c.kv_heads, k);
    }
    for (int64_t i = 0; i < q_size; ++i) q[i] *= c.attention_scale;
    ops::StoreKv(*kernels_, layout, index, k, v, row.position % cpu::kKvPage,
                 row.sequence->page(row.position / cpu::kKvPage));
  });

  StoreWeights(index, layout);

  // The queries of one block and KV head share its keys and values; blocks are independent.
  const int64_t group = c.heads / c.kv_heads;
  pool_->ParallelFor(static_cast<int64_t>(blocks.size()) * c.kv_heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const Block& block = blocks[static_cast<size_t>(task / c.kv_heads)];
      const int64_t head = task % c.kv_heads;
      const Row& row = rows_[static_cast<size_t>(block.row)];
      kernels_->attend({
          .queries = qkv_.data() + block.row * qkv_size + head * group * c.head_dim,
          .out = attended_.data() + block.to * q_size + head * group * c.head_dim,
          .query_stride = qkv_size,
          .out_stride = q_size,
          .pages = row.sequence->pages(),
          .page_offset = layout.offset(index, head),
          .position = row.position,
          .window = global ? 0 : c.window,
          .rows = static_cast<int>(block.rows),
          .group = static_cast<int>(group),
          .head_dim = static_cast<int>(c.head_dim),
          .type = layout.type,
          .cap = c.attention_cap,
      });
    }
  });
  int64_t kept = 0;
  for (const Block& block : blocks) {
    // Rows only move to the front, and in their order.
    std::memmove(x_.data() + block.to * c.hidden, x_.data() + block.row * c.hidden,
                 static_cast<size_t>(block.rows * c.hidden) * sizeof(float) * (block.to != block.row));
    kept += block.rows;
  }
  if (kept == 0) return;

  ops::LinearInput attended{attended_.data(), quantized_.Get(kept, q_size, layer.attention_output.wide_above())};
  ForRows(kept, [&](int64_t r) { ops::PrepareRow(*kernels_, layer.attention_output, attended, r); });
  ops::Linear(*kernels_, pool_.get(), layer.attention_output, attended, kept, part_.data());
}

void Decoder::StoreWeights(int64_t layer, const KvLayout& layout) {
  const DecoderConfig& c = config_;
  const int64_t q_size = c.heads * c.head_dim, qkv_size = q_size + 2 * c.kv_heads * c.head_dim;
  const int64_t group = c.heads / c.kv_heads;
  int64_t first = 0;
  for (const DecoderChunk& chunk : chunks_) {
    const int64_t chunk_row = first;
    first += static_cast<int64_t>(chunk.tokens.size());
    if (chunk.attention == nullptr || chunk.attention_layer != layer) continue;
    const int64_t skipped = std::max<int64_t>(0, chunk.attention_from - rows_[static_cast<size_t>(chunk_row)].position);
    pool_->ParallelFor(std::max<int64_t>(0, first - chunk_row - skipped), 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scratch(static_cast<size_t>(chunk.attention_stride));
      for (int64_t r = chunk_row + skipped + begin; r < chunk_row + skipped + end; ++r) {
        const Row& row = rows_[static_cast<size_t>(r)];
        float* out = chunk.attention + (row.position - chunk.attention_from) * chunk.attention_stride;
        for (int64_t head = 0; head < c.kv_heads; ++head) {
          kernels_->add_weights(
              {
                  .queries = qkv_.data() + r * qkv_size + head * group * c.head_dim,
                  .out = nullptr,
                  .query_stride = qkv_size,
                  .out_stride = 0,
                  .pages = row.sequence->pages(),
                  .page_offset = layout.offset(layer, head),
                  .position = row.position,
                  .window = c.IsGlobal(layer) ? 0 : c.window,
                  .rows = 1,
                  .group = static_cast<int>(group),
                  .head_dim = static_cast<int>(c.head_dim),
                  .type = layout.type,
                  .cap = c.attention_cap,
              },
              scratch.data(), out);
        }
      }
    });
  }
}

void Decoder::FeedForward(const DecoderLayer& layer, int64_t rows) {
  const DecoderConfig& c = config_;
  ops::LinearInput in{normed_.data(), quantized_.Get(rows, c.hidden, layer.gate_up.wide_above())};
  ForRows(rows, [&](int64_t r) {
    AddPart(r, layer.post_attention_norm);
    kernels_->rms_norm(x_.data() + r * c.hidden, layer.ffn_norm.data(), c.hidden, c.norm_eps,
                       normed_.data() + r * c.hidden);
    ops::PrepareRow(*kernels_, layer.gate_up, in, r);
  });
  ops::Linear(*kernels_, pool_.get(), layer.gate_up, in, rows, gate_up_.data());
  ops::LinearInput gated{gated_.data(), quantized_.Get(rows, c.ffn, layer.down.wide_above())};
  ForRows(rows, [&](int64_t r) {
    const float* gate = gate_up_.data() + r * 2 * c.ffn;
    (c.gelu ? kernels_->gelu_gate : kernels_->silu_gate)(gate, gate + c.ffn, c.ffn, gated_.data() + r * c.ffn);
    ops::PrepareRow(*kernels_, layer.down, gated, r);
  });
  ops::Linear(*kernels_, pool_.get(), layer.down, gated, rows, part_.data());
}

void Decoder::AddPart(int64_t r, const std::vector<float>& post_norm) {
  const int64_t n = config_.hidden;
  float* x = x_.data() + r * n;
  float* part = part_.data() + r * n;
  if (!post_norm.empty()) kernels_->rms_norm(part, post_norm.data(), n, config_.norm_eps, part);
  for (int64_t i = 0; i < n; ++i) x[i] += part[i];
}

std::span<const float> Decoder::Logits(int64_t first, int64_t count) {
  const size_t size = static_cast<size_t>(count * config_.vocabulary);
  if (logits_.size() < size) logits_.resize(size);
  ops::LinearInput in{states_.data() + first * config_.hidden,
                      quantized_.Get(count, config_.hidden, weights_.output.wide_above())};
  for (int64_t r = 0; r < count; ++r) ops::PrepareRow(*kernels_, weights_.output, in, r);
  ops::Linear(*kernels_, pool_.get(), weights_.output, in, count, logits_.data());
  if (config_.logit_cap > 0) kernels_->soft_cap(logits_.data(), static_cast<int64_t>(size), config_.logit_cap);
  return {logits_.data(), size};
}

}  // namespace precis::engine
