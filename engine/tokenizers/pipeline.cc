#include "tokenizers/pipeline.h"

#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

absl::Status CheckSize(const AlignedText& text) {
  if (!text.overflowed()) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("normalisation makes more than ", kMaxNormalizedBytes, " bytes of the text: split it"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Tokenizer>> PipelineTokenizer::Create(TokenizerParts parts) {
  PRECIS_RETURN_IF_ERROR(CheckAddedTokens(parts.added));
  std::shared_ptr<PipelineTokenizer> tokenizer(new PipelineTokenizer(std::move(parts)));
  const auto check = [&](TokenId id, const char* what) -> absl::Status {
    if (tokenizer->Exists(id)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(what, " has the id ", id, ", the vocabulary has ids from 0 to ",
                                                   tokenizer->vocabulary_size() - 1));
  };
  for (const AddedToken& token : tokenizer->parts_.added) PRECIS_RETURN_IF_ERROR(check(token.id, "an added token"));
  for (const auto* ids : {&tokenizer->parts_.prefix, &tokenizer->parts_.suffix}) {
    for (const TokenId id : *ids) PRECIS_RETURN_IF_ERROR(check(id, "a special token that is put around texts"));
  }
  const SpecialTokens& s = tokenizer->parts_.special;
  for (const TokenId id : {s.bos, s.eos, s.end_of_turn, s.unk, s.pad, s.cls, s.sep, s.mask}) {
    if (id != -1) PRECIS_RETURN_IF_ERROR(check(id, "a special token"));
  }
  return tokenizer;
}

PipelineTokenizer::PipelineTokenizer(TokenizerParts parts) : parts_(std::move(parts)) {
  is_special_.resize(parts_.decoding.pieces.size());
  std::vector<AddedToken> source, normalized;
  std::vector<std::string> source_texts, normalized_texts;
  for (const AddedToken& token : parts_.added) {
    if (token.special && Exists(token.id)) is_special_[static_cast<size_t>(token.id)] = true;
    (token.normalized ? normalized : source).push_back(token);
    (token.normalized ? normalized_texts : source_texts)
        .push_back(token.normalized ? Normalized(token.text) : token.text);
  }
  in_source_ = AddedTokens(source, source_texts);
  in_normalized_ = AddedTokens(normalized, normalized_texts);

  Hasher hasher;
  hasher.Field("precis tokenizer 1");
  FingerprintAddedTokens(parts_.added, &hasher);
  hasher.Field(static_cast<int64_t>(parts_.normalizers.size()));
  for (const auto& step : parts_.normalizers) hasher.Field(step->Description());
  hasher.Field(static_cast<int64_t>(parts_.pre_tokenizers.size()));
  for (const auto& step : parts_.pre_tokenizers) hasher.Field(step->Description());
  parts_.model->Fingerprint(&hasher);
  for (const auto* ids : {&parts_.prefix, &parts_.suffix}) {
    hasher.Field(static_cast<int64_t>(ids->size()));
    for (const TokenId id : *ids) hasher.Field(int64_t{id});
  }
  fingerprint_ = hasher.FinishHex();
}

std::string PipelineTokenizer::Normalized(const std::string& text) const {
  AlignedText aligned(text, {0, static_cast<uint32_t>(text.size())}, /*track=*/false);
  for (const auto& step : parts_.normalizers) step->Apply(&aligned);
  return std::string(aligned.bytes());
}

// Sink: Add(id, source range), Add(pieces, text) and AddKnown(entry, offset of the word, text). With track off the
// ranges are not looked at.
template <typename Sink>
absl::Status PipelineTokenizer::Run(std::string_view text, const EncodeOptions& options, bool track, Sink* sink) const {
  if (text.size() > kMaxTextBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("a text of ", text.size(), " bytes is over the limit of ",
                                                     kMaxTextBytes, " for one tokenization: split it"));
  }
  const ScratchPool::Lease scratch(&scratches_);
  if (options.add_special) {
    for (const TokenId id : parts_.prefix) sink->Add(id, ByteRange{0, 0});
  }
  uint32_t done = 0;
  const auto fragment = [&](uint32_t end) -> absl::Status {
    if (done == end) return absl::OkStatus();
    return RunFragment(AlignedText(text, {done, end}, track), options.parse_special, &*scratch, sink);
  };
  for (const AddedTokens::Match& match : in_source_.Find(text, options.parse_special)) {
    PRECIS_RETURN_IF_ERROR(fragment(match.range.begin));
    sink->Add(match.id, ByteRange{match.range.begin, match.range.end});
    done = match.range.end;
  }
  PRECIS_RETURN_IF_ERROR(fragment(static_cast<uint32_t>(text.size())));
  if (options.add_special) {
    const auto end = static_cast<int64_t>(text.size());
    for (const TokenId id : parts_.suffix) sink->Add(id, ByteRange{end, end});
  }
  return absl::OkStatus();
}

template <typename Sink>
absl::Status PipelineTokenizer::RunFragment(AlignedText text, bool parse_special, EncodeScratch* scratch,
                                            Sink* sink) const {
  for (const auto& step : parts_.normalizers) {
    step->Apply(&text);
    PRECIS_RETURN_IF_ERROR(CheckSize(text));
  }
  const auto matches = in_normalized_.Find(text.bytes(), parse_special);
  if (matches.empty()) return RunWords(std::move(text), scratch, sink);
  uint32_t done = 0;
  for (const AddedTokens::Match& match : matches) {
    if (done < match.range.begin) {
      PRECIS_RETURN_IF_ERROR(RunWords(text.Part({done, match.range.begin}), scratch, sink));
    }
    sink->Add({{match.id, match.range.begin, match.range.end}}, text);
    done = match.range.end;
  }
  const auto end = static_cast<uint32_t>(text.bytes().size());
  return done < end ? RunWords(text.Part({done, end}), scratch, sink) : absl::OkStatus();
}

template <typename Sink>
absl::Status PipelineTokenizer::RunWords(AlignedText text, EncodeScratch* scratch, Sink* sink) const {
  std::vector<TextRange>& words = scratch->words;
  words.clear();
  if (!text.bytes().empty()) words.push_back({0, static_cast<uint32_t>(text.bytes().size())});
  for (const auto& step : parts_.pre_tokenizers) {
    step->Apply(&text, &words, &scratch->spare);
    PRECIS_RETURN_IF_ERROR(CheckSize(text));
  }
  if (parts_.shortcut != nullptr) parts_.shortcut->Apply(&text, &words, &scratch->spare);
  const std::string_view bytes = text.bytes();
  std::vector<Piece>& pieces = scratch->pieces;
  for (const TextRange& range : words) {
    const size_t size = range.size();
    const bool short_word = size > 0 && size <= WordCache::kMaxKeyBytes;
    WordCache::Key key;
    if (short_word) {
      key = WordCache::MakeKey(bytes.data() + range.begin, size, bytes.size() - range.begin);
      if (const WordCache::Entry* entry = scratch->cache.Find(key)) {
        sink->AddKnown(*entry, range.begin, text);
        continue;
      }
    } else if (size > kMaxWordBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("the text holds a stretch of ", size,
                                                       " bytes that the tokenizer cannot cut, at most ", kMaxWordBytes,
                                                       " are supported: split it"));
    }
    pieces.clear();
    parts_.model->Encode(bytes.substr(range.begin, size), range.begin, &pieces);
    if (short_word) scratch->cache.Put(key, range.begin, pieces.data(), pieces.size());
    sink->Add(pieces, text);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TokenId>> PipelineTokenizer::Encode(std::string_view text,
                                                               const EncodeOptions& options) const {
  // Gathers ids in a small array, which a whole entry's ids are copied to without looking at their number.
  class Ids {
   public:
    explicit Ids(std::vector<TokenId>* out) : out_(out) {}
    void Add(TokenId id, const ByteRange&) {
      Flush();
      out_->push_back(id);
    }
    void Add(const std::vector<Piece>& pieces, const AlignedText&) {
      Flush();
      for (const Piece& piece : pieces) out_->push_back(piece.id);
    }
    void AddKnown(const WordCache::Entry& entry, uint32_t, const AlignedText&) {
      if (count_ > kRoom - std::size(entry.ids)) Flush();
      std::memcpy(ids_ + count_, entry.ids, sizeof entry.ids);
      count_ += entry.count;
    }
    void Flush() {
      out_->insert(out_->end(), ids_, ids_ + count_);
      count_ = 0;
    }

   private:
    enum : size_t { kRoom = 1024 };
    std::vector<TokenId>* out_;
    size_t count_ = 0;
    TokenId ids_[kRoom];
  };
  std::vector<TokenId> ids;
  ids.reserve(text.size() / 5 + 8);
  Ids sink(&ids);
  PRECIS_RETURN_IF_ERROR(Run(text, options, /*track=*/false, &sink));
  sink.Flush();
  return ids;
}

absl::StatusOr<std::vector<Token>> PipelineTokenizer::EncodeWithOffsets(std::string_view text,
                                                                        const EncodeOptions& options) const {
  struct Tokens {
    std::vector<Token>* out;
    void Add(TokenId id, const ByteRange& range) { out->push_back({id, range}); }
    void Add(const std::vector<Piece>& pieces, const AlignedText& aligned) {
      for (const Piece& piece : pieces) out->push_back({piece.id, aligned.SourceRange(piece.begin, piece.end)});
    }
    void AddKnown(const WordCache::Entry& entry, uint32_t offset, const AlignedText& aligned) {
      uint32_t begin = 0;
      for (int i = 0; i < entry.count; ++i) {
        const uint32_t end = i + 1 < entry.count ? entry.ends[i] : entry.length;
        out->push_back({entry.ids[i], aligned.SourceRange(offset + begin, offset + end)});
        begin = end;
      }
    }
  };
  std::vector<Token> tokens;
  tokens.reserve(text.size() / 5 + 8);
  Tokens sink{&tokens};
  PRECIS_RETURN_IF_ERROR(Run(text, options, /*track=*/true, &sink));
  return tokens;
}

absl::StatusOr<std::string> PipelineTokenizer::Decode(std::span<const TokenId> ids, bool skip_special) const {
  const Decoding& decoding = parts_.decoding;
  std::string text;
  bool first = true;
  for (const TokenId id : ids) {
    if (!Exists(id)) {
      return absl::InvalidArgumentError(
          absl::StrCat("token id ", id, " is outside the vocabulary, ids go from 0 to ", vocabulary_size() - 1));
    }
    if (skip_special && is_special_[static_cast<size_t>(id)]) continue;
    const bool own_first = first && !decoding.first_pieces.empty();
    std::string_view piece = (own_first ? decoding.first_pieces : decoding.pieces)[static_cast<size_t>(id)];
    if (first && decoding.front == Decoding::Front::kSpacesOfFirst) {
      text.append(ReplaceAll(piece, " ", ""));
    } else {
      text.append(piece);
    }
    first = false;
  }
  if (decoding.front == Decoding::Front::kOneSpace && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

std::string_view PipelineTokenizer::TokenBytes(TokenId id) const {
  if (!Exists(id) || is_special_[static_cast<size_t>(id)]) return {};
  return parts_.decoding.pieces[static_cast<size_t>(id)];
}

}  // namespace precis::engine
