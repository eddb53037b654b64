// A decoder-only transformer of the families in README.md: tokens in, logits out, over a paged KV cache.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cpu/decode_kernels.h"
#include "cpu/thread_pool.h"
#include "models/decoder_config.h"
#include "models/decoder_files.h"
#include "models/decoder_weights.h"
#include "models/kv_cache.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

// Consecutive tokens of one sequence, to be computed in one step.
struct DecoderChunk {
  KvSequence* sequence = nullptr;   // the tokens follow its length(); one chunk of a sequence in a step
  std::span<const TokenId> tokens;  // >= 1, ids inside the vocabulary
  int64_t wanted = 1;               // of how many of the last tokens the state is wanted for logits

  // Where the weights of one layer's attention go, summed over its heads in their order; null: not wanted. Row i are
  // those of the token at position attention_from + i, [attention_stride]; what stands there is added to, for all
  // positions up to the token's own. attention_stride % 64 == 0, not less than the sequence's length with the tokens.
  float* attention = nullptr;
  int64_t attention_layer = 0, attention_from = 0, attention_stride = 0;
};

// Immutable after loading apart from the scratch memory: one thread at a time may call it.
class Decoder {
 public:
  // `pool` and `files` are shared with others; the files stay mapped for the token embeddings.
  static absl::StatusOr<std::unique_ptr<Decoder>> Load(DecoderFiles files, bool exact, cpu::IsaLevel isa,
                                                       bool check_weights, std::shared_ptr<cpu::ThreadPool> pool);

  const DecoderConfig& config() const { return config_; }
  KvLayout kv_layout() const;
  int64_t weights_bytes() const { return weights_.size_bytes(); }
  int64_t parameters() const { return weights_.parameters; }

  // Runs all chunks through the layers and commits their tokens to the cache. The states of the wanted tokens, chunk
  // after chunk, are then what Logits refers to as rows 0, 1...; their number is returned. A chunk's results do not
  // depend on the other chunks, nor on how its sequence was cut into chunks.
  int64_t Forward(std::span<const DecoderChunk> chunks, KvCache* cache);

  // The same for chunks of which nothing is wanted but the attention of this one layer: the layers behind it are not
  // computed, and neither is its own output, for which nobody would ask. The cache then holds keys and values up to
  // this layer only: no sequence that goes further may begin with it.
  void ForwardTo(int64_t layer, std::span<const DecoderChunk> chunks, KvCache* cache);

  // The logits of the rows [first, first + count) of the last Forward, [count][vocabulary]. Valid until the next call.
  std::span<const float> Logits(int64_t first, int64_t count);

  const cpu::DecodeKernels& kernels() const { return *kernels_; }

 private:
  struct Row {
    KvSequence* sequence;
    int64_t position;
    TokenId token;
  };
  // Consecutive rows of a sequence that attend together: all in one page, at most kBlockRows.
  struct Block {
    int64_t row;  // the first one
    int64_t to;   // where its result goes
    int64_t rows;
  };
  Decoder() = default;
  void Reserve(int64_t rows);
  // Fills rows_, blocks_, last_blocks_, x_ and angles_; returns how many rows are wanted.
  int64_t Begin(std::span<const DecoderChunk> chunks, KvCache* cache);
  static void AddBlocks(const Row* rows, int64_t first, int64_t count, int64_t to, std::vector<Block>* blocks);
  // From here on only the rows of `blocks` go on, as rows 0, 1...; without blocks the keys and values are all.
  void Attention(int64_t layer, int64_t rows, const KvLayout& layout, std::span<const Block> blocks);
  void StoreWeights(int64_t layer, const KvLayout& layout);
  void FeedForward(const DecoderLayer& layer, int64_t rows);
  // Adds to row r what a part of the layer computed, normalised first where the family does so.
  void AddPart(int64_t r, const std::vector<float>& post_norm);
  // Splits work on rows over the threads when there is enough of it.
  template <typename Fn>
  void ForRows(int64_t rows, Fn&& fn) {
    pool_->ParallelFor(rows, 4, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) fn(r);
    });
  }

  DecoderConfig config_;
  bool exact_ = false;
  DecoderWeights weights_;
  const cpu::DecodeKernels* kernels_ = nullptr;
  std::shared_ptr<cpu::ThreadPool> pool_;
  std::vector<ops::Rope> rope_;  // global, local

  std::span<const DecoderChunk> chunks_;  // of the running step
  // Scratch, [rows][...], kept between steps.
  std::vector<Row> rows_;
  std::vector<Block> blocks_, last_blocks_;  // of all rows; of those whose states are wanted
  std::vector<float> x_, normed_, qkv_, attended_, gate_up_, gated_, part_, angles_, states_, logits_;
  cpu::QuantizedBuffer quantized_;
  int64_t capacity_ = 0;
};

}  // namespace precis::engine
