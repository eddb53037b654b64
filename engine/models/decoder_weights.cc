#include "models/decoder_weights.h"

#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/dequantize.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

// From how many times the root mean square of a row on a block of activations is wide in `fast` mode (q_matrix.h).
// Without wide blocks SmolLM2 has a mean KL of 4.3e-3 to exact: 1.8e-3 by the output, 1.1e-3 by q, k and v, 0.9e-3 by
// gate and up, 0.5e-3 by down. With these, that are a tenth of the blocks, it is 0.6e-3.
constexpr float kQkvWide = 4, kAttentionWide = 6, kGateUpWide = 5, kDownWide = 6, kOutputWide = 3;

absl::Status CheckFinite(const TensorView& tensor) {
  std::vector<float> row(static_cast<size_t>(tensor.columns()));
  for (int64_t r = 0; r < tensor.rows(); ++r) {
    PRECIS_RETURN_IF_ERROR(DequantizeRow(tensor.type, tensor.row(r), row));
    for (size_t i = 0; i < row.size(); ++i) {
      if (std::isfinite(row[i])) continue;
      return absl::InvalidArgumentError(absl::StrCat("tensor '", tensor.name, "' holds ", row[i], " at row ", r,
                                                     ", column ", i, ": the file is damaged"));
    }
  }
  return absl::OkStatus();
}

// Asks for tensors by their GGUF names; the files know what they call them. Without a pool it only looks.
class Loader {
 public:
  Loader(const DecoderFiles& files, const DecoderConfig& config, bool exact, bool check, cpu::ThreadPool* pool)
      : files_(files), c_(config), exact_(exact), check_(check), pool_(pool) {}

  absl::StatusOr<const TensorView*> Tensor(const std::string& gguf_name, std::vector<int64_t> shape) {
    const std::string name = files_.TensorName(gguf_name, c_);
    PRECIS_ASSIGN_OR_RETURN(const TensorView* t, files_.tensors().Get(name, shape));
    if (!CanDequantize(t->type)) {
      return absl::UnimplementedError(absl::StrCat("tensor '", name, "' of ", files_.tensors().origin(), " has type ",
                                                   TypeName(t->type), ", which is not supported"));
    }
    if (seen_.insert(name).second && check_) PRECIS_RETURN_IF_ERROR(CheckFinite(*t));
    return t;
  }

  absl::Status Vector(const std::string& name, int64_t size, std::vector<float>* out) {
    PRECIS_ASSIGN_OR_RETURN(const TensorView* t, Tensor(name, {size}));
    if (pool_ == nullptr) return absl::OkStatus();
    out->resize(static_cast<size_t>(size));
    PRECIS_RETURN_IF_ERROR(DequantizeRow(t->type, t->bytes, *out));
    files_.Release(*t);
    return absl::OkStatus();
  }

  absl::Status Norm(const std::string& name, int64_t size, std::vector<float>* out) {
    PRECIS_RETURN_IF_ERROR(Vector(name, size, out));
    if (c_.norm_plus_one) {
      for (float& w : *out) w += 1.0f;
    }
    return absl::OkStatus();
  }

  // Matrices over the same input, side by side. Their pages of the file are let go once they are repacked.
  absl::Status Matrix(const std::vector<std::pair<std::string, int64_t>>& names, int64_t inputs, float wide_above,
                      ops::LinearWeights* out) {
    std::vector<const TensorView*> tensors;
    for (const auto& [name, outputs] : names) {
      PRECIS_ASSIGN_OR_RETURN(const TensorView* t, Tensor(name, {outputs, inputs}));
      tensors.push_back(t);
    }
    if (pool_ == nullptr) return ops::LinearWeights::CheckTypes(tensors, exact_);
    PRECIS_ASSIGN_OR_RETURN(*out, ops::LinearWeights::Pack(tensors, exact_, wide_above, pool_));
    for (const TensorView* t : tensors) files_.Release(*t);
    return absl::OkStatus();
  }

  absl::Status Layer(int64_t index, DecoderLayer* layer) {
    const std::string prefix = absl::StrCat("blk.", index, ".");
    const int64_t q = c_.heads * c_.head_dim, kv = c_.kv_heads * c_.head_dim;
    PRECIS_RETURN_IF_ERROR(Norm(prefix + "attn_norm.weight", c_.hidden, &layer->attention_norm));
    PRECIS_RETURN_IF_ERROR(Norm(prefix + "ffn_norm.weight", c_.hidden, &layer->ffn_norm));
    std::vector<std::pair<std::string, int64_t>> qkv = {
        {prefix + "attn_q.weight", q}, {prefix + "attn_k.weight", kv}, {prefix + "attn_v.weight", kv}};
    if (c_.fused_qkv) qkv = {{prefix + "attn_qkv.weight", q + 2 * kv}};
    PRECIS_RETURN_IF_ERROR(Matrix(qkv, c_.hidden, kQkvWide, &layer->qkv));
    PRECIS_RETURN_IF_ERROR(
        Matrix({{prefix + "attn_output.weight", c_.hidden}}, q, kAttentionWide, &layer->attention_output));
    std::vector<std::pair<std::string, int64_t>> gate_up = {{prefix + "ffn_gate.weight", c_.ffn},
                                                            {prefix + "ffn_up.weight", c_.ffn}};
    if (c_.fused_gate_up) gate_up = {{prefix + "ffn_up.weight", 2 * c_.ffn}};
    PRECIS_RETURN_IF_ERROR(Matrix(gate_up, c_.hidden, kGateUpWide, &layer->gate_up));
    PRECIS_RETURN_IF_ERROR(Matrix({{prefix + "ffn_down.weight", c_.hidden}}, c_.ffn, kDownWide, &layer->down));
    if (c_.qkv_bias) {
      for (const auto& [name, size] : {std::pair<const char*, int64_t>{"attn_q", q}, {"attn_k", kv}, {"attn_v", kv}}) {
        std::vector<float> bias;
        PRECIS_RETURN_IF_ERROR(Vector(absl::StrCat(prefix, name, ".bias"), size, &bias));
        layer->qkv_bias.insert(layer->qkv_bias.end(), bias.begin(), bias.end());
      }
    }
    if (c_.qk_norm) {
      PRECIS_RETURN_IF_ERROR(Norm(prefix + "attn_q_norm.weight", c_.head_dim, &layer->q_norm));
      PRECIS_RETURN_IF_ERROR(Norm(prefix + "attn_k_norm.weight", c_.head_dim, &layer->k_norm));
    }
    if (c_.post_norms) {
      PRECIS_RETURN_IF_ERROR(Norm(prefix + "post_attention_norm.weight", c_.hidden, &layer->post_attention_norm));
      PRECIS_RETURN_IF_ERROR(Norm(prefix + "post_ffw_norm.weight", c_.hidden, &layer->post_ffn_norm));
    }
    return absl::OkStatus();
  }

  absl::Status All(DecoderWeights* w) {
    PRECIS_ASSIGN_OR_RETURN(w->embedding, Tensor("token_embd.weight", {c_.vocabulary, c_.hidden}));
    PRECIS_RETURN_IF_ERROR(Norm("output_norm.weight", c_.hidden, &w->output_norm));
    w->layers.resize(static_cast<size_t>(c_.layers));
    for (int64_t i = 0; i < c_.layers; ++i) {
      PRECIS_RETURN_IF_ERROR(Layer(i, &w->layers[static_cast<size_t>(i)]));
    }
    PRECIS_RETURN_IF_ERROR(
        Matrix({{c_.tied ? "token_embd.weight" : "output.weight", c_.vocabulary}}, c_.hidden, kOutputWide, &w->output));
    return NothingLeft();
  }

 private:
  // A tensor that was not asked for would change the model's results if it were known what it is.
  absl::Status NothingLeft() const {
    for (const TensorView& t : files_.tensors().all()) {
      if (seen_.count(t.name) != 0 || files_.MayIgnore(t.name, c_)) continue;
      return absl::UnimplementedError(absl::StrCat("tensor '", t.name, "' in ", files_.tensors().origin(),
                                                   " has no place in architecture '", c_.architecture,
                                                   "' as it is supported here"));
    }
    return absl::OkStatus();
  }

  const DecoderFiles& files_;
  const DecoderConfig& c_;
  const bool exact_, check_;
  cpu::ThreadPool* pool_;
  std::set<std::string> seen_;
};

}  // namespace

int64_t DecoderWeights::size_bytes() const {
  int64_t bytes = output.size_bytes();
  for (const DecoderLayer& l : layers) {
    bytes += l.qkv.size_bytes() + l.attention_output.size_bytes() + l.gate_up.size_bytes() + l.down.size_bytes();
  }
  return bytes;
}

absl::StatusOr<DecoderWeights> LoadDecoderWeights(DecoderFiles files, const DecoderConfig& config, bool exact,
                                                  bool check, cpu::ThreadPool* pool) {
  DecoderWeights w;
  PRECIS_RETURN_IF_ERROR(Loader(files, config, exact, check, pool).All(&w));
  for (const TensorView& t : files.tensors().all()) {
    if (!files.MayIgnore(t.name, config)) w.parameters += t.elements();
  }
  w.files = std::move(files);
  return w;
}

absl::Status CheckDecoderTensors(const DecoderFiles& files, const DecoderConfig& config, bool exact) {
  DecoderWeights unused;
  return Loader(files, config, exact, /*check=*/false, /*pool=*/nullptr).All(&unused);
}

}  // namespace precis::engine
